from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import l1_loss, softplus

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.pix2pix import Pix2Pix, Pix2PixTerms
from isthmus.translation.trainer import Trainer, Training

SMALL = {
    "width": 4,
    "halvings": 3,
    "dropped": 1,
    "discriminator_width": 4,
    "levels": 1,
}


def pix2pix(seed: int = 1, **sizes: int) -> Pix2Pix:
    return Pix2Pix(**SMALL | sizes, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 8) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def discriminators(model: Pix2Pix, a: Tensor, b: Tensor, made: dict[str, Tensor]) -> list[float]:
    losses = model.discriminator_losses(a, b, {}, made, noise())
    return [losses[f"discriminator/{d}"].item() for d in "ab"]


def test_losses_are_what_the_formulas_say() -> None:
    model, (a, b) = pix2pix(dropped=0), batch()
    passed = model.generator_losses(a, b, noise())
    for d, source, target in (("a", b, a), ("b", a, b)):
        made = model.into[d](source)
        fake, real = (model.judges[d](torch.cat([source, y], 1)) for y in (made, target))
        torch.testing.assert_close(passed.losses[f"l1/{d}"], 100 * l1_loss(made, target))
        torch.testing.assert_close(passed.losses[f"gan/{d}"], -fake.sigmoid().log().mean())
        expected = softplus(-real).mean() + softplus(fake).mean()
        found = model.discriminator_losses(a, b, {}, passed.reconstructions, noise())
        torch.testing.assert_close(found[f"discriminator/{d}"], expected)
    assert passed.translations == {}


def test_a_discriminator_that_cannot_tell_is_at_log_4() -> None:
    model, (a, b) = pix2pix(), batch()
    for parameter in model.discriminator_parameters():
        torch.nn.init.zeros_(parameter)
    assert discriminators(model, a, b, {"a": a, "b": b}) == pytest.approx([math.log(4)] * 2)


def test_the_discriminators_see_the_source_beside_the_image() -> None:
    model, (a, b) = pix2pix(), batch()
    other = batch(seed=5)[0]
    made = {"a": a, "b": b}
    first, second = discriminators(model, a, b, made), discriminators(model, other, b, made)
    assert first[1] != pytest.approx(second[1])


def test_dropout_is_of_training_alone() -> None:
    model, (a, b) = pix2pix(dropped=2), batch()
    plain = model.translate(a, "a2b")
    assert torch.equal(plain, model.translate(a, "a2b", b))
    first, again, other = (
        model.generator_losses(a, b, noise(seed)).reconstructions["b"] for seed in (0, 0, 1)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other) and not torch.equal(first, plain)


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = pix2pix(), batch()
    passed = model.generator_losses(a, b, noise())
    made = {d: x.detach() for d, x in passed.reconstructions.items()}
    losses = model.discriminator_losses(a, b, {}, made, noise())
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    torch.stack(list(passed.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert {id(p) for p in sides} == {id(p) for p in model.parameters()}


def test_pairs_are_learnt() -> None:
    model, (a, _) = Pix2Pix(**SMALL | {"width": 8, "dropped": 0}, seed=0), batch(count=8)
    b = -a.flip(1)
    adam = torch.optim.Adam(model.generator_parameters(), lr=3e-3)
    first = l1_loss(model.translate(a, "a2b"), b).item()
    for step in range(60):
        losses = model.generator_losses(a, b, noise(step)).losses
        adam.zero_grad()
        torch.stack(list(losses.values())).sum().backward()
        adam.step()
    assert l1_loss(model.translate(a, "a2b"), b).item() < 0.5 * first


def test_constant_images_train_to_finite_numbers() -> None:
    white = torch.full((4, 3, 8, 8), 255, dtype=torch.uint8)
    trainer = Trainer(pix2pix(), white, white, Training(3, batch_size=2), seed=0)
    trainer.run()
    assert trainer.step == 3


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = pix2pix(), batch()
    save(model, tmp_path)
    found = load(Pix2Pix, tmp_path)
    assert found.terms == Pix2PixTerms()
    for direction, x in (("a2b", a), ("b2a", b)):
        assert torch.equal(found.translate(x, direction), model.translate(x, direction))


def test_what_is_refused() -> None:
    a, b = batch(side=16)
    model = pix2pix()
    model.check(a, b)
    with pytest.raises(InputError, match="holds 2 images"):
        model.check(a, b[:2])
    with pytest.raises(InputError, match="multiple of 8"):
        model.check(*(x[..., :12, :12] for x in (a, b)))
    with pytest.raises(InputError, match="at least 8 pixels"):
        model.check(*batch(side=4))
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "b2b")  # type: ignore[arg-type]

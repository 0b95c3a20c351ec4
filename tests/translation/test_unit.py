from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import to_bytes
from isthmus.translation.unit import Unit, UnitTerms, decoder

SMALL = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1, "scales": 2}
QUIET = UnitTerms(noise=0)


def unit(terms: UnitTerms = QUIET, seed: int = 1) -> Unit:
    return Unit(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 16) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("fold", [1, 2, 4])
def test_shapes(fold: int) -> None:
    model, (a, _) = Unit(**SMALL | {"fold": fold}), batch(side=32)
    codes = model.encoders["a"](a)
    assert codes.shape == (3, 16, 8, 8)
    images = model.decoders["b"](codes)
    assert images.shape == a.shape
    assert images.abs().max() < 1


def test_the_published_size() -> None:
    """Counted by hand from the published layers; without the affine parameters of the norms."""
    count = sum(p.numel() for p in decoder(3, 64, 4).parameters() if p.dim() > 1)
    assert count == 4 * 2 * 9 * 256**2 + 25 * (256 * 128 + 128 * 64) + 64 * 49 * 3


def test_a_translation_goes_through_the_code_without_noise() -> None:
    (a, b), model = batch(), unit(UnitTerms(noise=5))
    found = model.translate(a, "a2b")
    torch.testing.assert_close(found, model.decoders["b"](model.encoders["a"](a)))
    assert torch.equal(found, model.translate(a, "a2b", b))
    back = model.decoders["a"](model.encoders["b"](b))
    torch.testing.assert_close(model.translate(b, "b2a"), back)
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "a2a")  # type: ignore[arg-type]


def reference(model: Unit, a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """All terms without noise as the formulas say, one call a term."""
    x, other = {"a": a, "b": b}, {"a": "b", "b": "a"}
    code = {d: model.encoders[d](x[d]) for d in "ab"}
    translated = {d: model.decoders[d](code[other[d]]) for d in "ab"}
    found = {}
    for d in "ab":
        again, scores = model.encoders[other[d]](translated[other[d]]), model.judges[d]
        fine, coarse = scores(translated[d])
        found |= {
            f"image/{d}": 10 * l1_loss(model.decoders[d](code[d]), x[d]),
            f"code/{d}": 0.01 * code[d].square().mean(),
            f"cycle/{d}": 10 * l1_loss(model.decoders[d](again), x[d]),
            f"cycle_code/{d}": 0.01 * again.square().mean(),
            f"gan/{d}": (fine - 1).square().mean() + (coarse - 1).square().mean(),
        }
    return found


def test_joined_passes_give_what_the_formulas_say() -> None:
    model = unit()
    found, expected = model.generator_losses(*batch(), noise()).losses, reference(model, *batch())
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)


def test_every_code_that_is_decoded_is_noisy() -> None:
    model = unit(replace(QUIET, noise=0.5))
    a, b = batch(count=16)
    seen: dict[str, list[Tensor]] = {"a": [], "b": []}
    for d in "ab":
        model.decoders[d].register_forward_pre_hook(
            lambda _, inputs, d=d: seen[d].append(inputs[0].detach())
        )
    passed = model.generator_losses(a, b, noise())
    for d, own, other in (("a", a, b), ("b", b, a)):
        o = "b" if d == "a" else "a"
        codes = torch.cat([model.encoders[d](own), model.encoders[o](other)])
        again = model.encoders[o](passed.translations[o])
        for noisy, clean in zip(seen[d], (codes, again), strict=True):
            assert (noisy - clean).std().item() == pytest.approx(0.5, rel=0.05)


def test_the_two_sides_train_their_own_parameters() -> None:
    a, b = batch()
    model = unit(UnitTerms())
    passed = model.generator_losses(a, b, noise())
    shown = {d: x.detach() for d, x in passed.translations.items()}
    losses = model.discriminator_losses(a, b, shown, {}, noise())
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    torch.stack(list(passed.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert {id(p) for p in sides} == {id(p) for p in model.parameters()}


def test_constant_images_train_to_finite_numbers() -> None:
    white = torch.full((4, 3, 16, 16), 255, dtype=torch.uint8)
    trainer = Trainer(unit(UnitTerms()), white, white, Training(3, batch_size=2), seed=0)
    trainer.run()
    assert trainer.step == 3


def test_training_reconstructs_and_comes_back_from_disk(tmp_path: Path) -> None:
    a, b = (to_bytes(x) for x in batch(count=4))
    trainer = Trainer(unit(), a, b, Training(30, batch_size=4, learning_rate=2e-3), seed=0)
    trainer.run()
    assert trainer.curves["image/a"][-1] < 0.9 * trainer.curves["image/a"][0]
    save(trainer.translator, tmp_path)
    found, x = load(Unit, tmp_path), batch()[0]
    assert torch.equal(found.translate(x, "a2b"), trainer.translator.translate(x, "a2b"))


def test_what_is_refused() -> None:
    for sizes in ({"blocks": 0}, {"scales": 0}, {"fold": 3}):
        with pytest.raises(InputError):
            Unit(**SMALL | sizes)
    with pytest.raises(InputError, match="at least 16 pixels"):
        unit().check(*batch(side=8))

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, softplus

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.didd import Didd, DiddTerms
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import translate_bytes

SMALL = {"side": 8, "width": 4, "separate": 3}
TERMS = DiddTerms()


def didd(terms: DiddTerms = TERMS, seed: int = 1) -> Didd:
    return Didd(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 8) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def losses(model: Didd, a: Tensor, b: Tensor) -> dict[str, float]:
    found = model.generator_losses(a, b, noise()).losses
    return {name: value.item() for name, value in found.items()}


def fix(layer: nn.Module, weight: float, bias: float) -> None:
    with torch.no_grad():
        layer.weight.fill_(weight)  # type: ignore[operator, union-attr]
        layer.bias.fill_(bias)  # type: ignore[operator, union-attr]


@pytest.mark.parametrize(("side", "width"), [(8, 4), (16, 4), (32, 8)])
def test_codes_have_two_by_two_places_and_sixteen_widths(side: int, width: int) -> None:
    model, (a, b) = Didd(side=side, width=width, separate=3), batch(side=side)
    model.check(a, b)
    assert model.common(a).shape == (3, 16 * width - 6, 2, 2)
    assert model.separate["b"](b).shape == (3, 3, 2, 2)
    found = model.translate(a, "a2b", b)
    assert found.shape == a.shape
    assert found.abs().max() < 1


def test_the_published_size() -> None:
    with torch.device("meta"):
        model = Didd()
    widths = [3, 32, 64, 128, 256, 512]
    trunk = sum(16 * i * o for i, o in itertools.pairwise(widths))
    codes = 16 * 512 * (462 + 2 * 25)
    count = sum(p.numel() for p in model.generator_parameters() if p.dim() > 1)
    assert count == 3 * trunk + codes + (trunk + 16 * 512**2)
    assert model.classifier[1].in_features == 4 * 462


def test_the_common_part_comes_from_the_source_and_the_other_from_the_guide() -> None:
    (a, b), (other_a, other_b) = batch(), batch(seed=5)
    model = didd()
    found = model.translate(a, "a2b", b)
    assert not torch.allclose(found, model.translate(other_a, "a2b", b))
    assert not torch.allclose(found, model.translate(a, "a2b", other_b))
    zeros = torch.zeros(3, 3, 2, 2)
    code = torch.cat([model.common(a), zeros, model.separate["b"](b)], 1)
    torch.testing.assert_close(found, model.decoder(code))
    back = torch.cat([model.common(b), model.separate["a"](a), zeros], 1)
    torch.testing.assert_close(model.translate(b, "b2a", a), model.decoder(back))


def test_joined_passes_give_what_the_formulas_say() -> None:
    model, (a, b) = didd(DiddTerms(reconstruction=2, zero=3, confusion=4)), batch()
    common = {"a": model.common(a), "b": model.common(b)}
    zeros = torch.zeros(3, 3, 2, 2)
    rebuilt = {
        "a": model.decoder(torch.cat([common["a"], model.separate["a"](a), zeros], 1)),
        "b": model.decoder(torch.cat([common["b"], zeros, model.separate["b"](b)], 1)),
    }
    found = losses(model, a, b)
    for d, x, other in (("a", a, b), ("b", b, a)):
        assert found[f"reconstruction/{d}"] == pytest.approx(2 * l1_loss(rebuilt[d], x).item())
        assert found[f"zero/{d}"] == pytest.approx(3 * model.separate[d](other).abs().mean().item())
        confusion = softplus(model.classifier(common[d])).mean().item()
        assert found[f"confusion/{d}"] == pytest.approx(4 * confusion)


def test_a_perfect_reconstruction_costs_nothing() -> None:
    model = didd()
    model.decoder.register_forward_hook(lambda *_: torch.cat(batch()))
    found = losses(model, *batch())
    assert found["reconstruction/a"] == found["reconstruction/b"] == 0


def test_a_separate_code_of_zero_costs_nothing() -> None:
    model = didd()
    fix(model.separate["a"][-1], 0, 0)
    fix(model.separate["b"][-1], 0, -0.25)
    found = losses(model, *batch())
    assert found["zero/a"] == 0
    assert found["zero/b"] == 0.25


@pytest.mark.parametrize("logit", [-200.0, 0.0, 200.0])
def test_confusion_is_free_where_all_are_called_b(logit: float) -> None:
    """And the classifier's own loss where each has its name; log 2 each where it cannot tell."""
    model, (a, b) = didd(replace(TERMS, confusion=1)), batch()
    fix(model.classifier[3], 0, logit)
    own = model.discriminator_losses(a, b, {}, {}, noise())
    right = {-200.0: 0.0, 0.0: math.log(2), 200.0: 200.0}
    for d in "ab":
        assert losses(model, a, b)[f"confusion/{d}"] == pytest.approx(right[logit])
    assert own["classifier/a"].item() == pytest.approx(right[-logit])
    assert own["classifier/b"].item() == pytest.approx(right[logit])


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = didd(), batch()
    own = model.discriminator_losses(a, b, {}, {}, noise())
    torch.stack(list(own.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    passed = model.generator_losses(a, b, noise())
    torch.stack(list(passed.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert len(sides) == len({id(p) for p in sides}) == len(list(model.parameters()))


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = didd(), batch()
    save(model, tmp_path)
    found = load(Didd, tmp_path)
    assert found.config == model.config
    assert torch.equal(found.translate(a, "b2a", b), model.translate(a, "b2a", b))


@pytest.mark.parametrize(
    "wrong", [{"side": 4}, {"side": 24}, {"separate": 0}, {"separate": 32}, {"width": 0}]
)
def test_a_size_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="Mend"):
        Didd(**SMALL | wrong)


def test_images_guides_and_directions_that_do_not_fit_are_refused() -> None:
    model, (a, b) = didd(), batch()
    for misfit in (batch(side=16)[1], b[:, :1]):
        with pytest.raises(InputError, match="shape"):
            model.check(a, misfit)
    for guide in (None, b[:2]):
        with pytest.raises(InputError, match="guide"):
            model.translate(a, "a2b", guide)
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "a2a", b)  # type: ignore[arg-type]


LEFT, RIGHT = slice(0, 4), slice(4, 8)


def halves(seed: int, *, special: slice, dull: slice, level: int) -> Tensor:
    """A random grey above, another one below in a special half, and a fixed level in the dull."""
    source = torch.Generator().manual_seed(seed)
    shared, own = torch.randint(40, 216, (2, 256, 1, 1, 1), generator=source)
    images = torch.full((256, 3, 8, 8), level)
    images[:, :, :4], images[:, :, 4:, special] = shared, own
    images[:, :, 4:, dull] = level
    return images.byte()


def test_a_toy_pair_is_learnt() -> None:
    """The upper half is shared, the lower left varies in A alone and the lower right in B alone."""
    a = halves(1, special=LEFT, dull=RIGHT, level=0)
    b = halves(2, special=RIGHT, dull=LEFT, level=255)
    model = Didd(side=8, width=8, separate=4, terms=DiddTerms(confusion=0.1), seed=1)
    training = Training(
        300, batch_size=16, learning_rate=2e-3, discriminator_learning_rate=4e-3, averaging=0.98
    )
    found = Trainer(model, a, b, training, seed=1)
    found.run()
    for name in ("reconstruction/a", "reconstruction/b", "zero/a", "zero/b"):
        assert sum(found.curves[name][-10:]) < 0.5 * sum(found.curves[name][:10]), name
    moved = translate_bytes(found.averaged(), a, "a2b", b)
    upper, right = (slice(0, 4), slice(0, 8)), (slice(4, 8), RIGHT)
    assert agreement(moved, a, *upper) > 0.8
    assert agreement(moved, b, *right) > 0.35
    assert (255 - moved[:, :, 4:, LEFT].float()).mean() < 15


def agreement(images: Tensor, others: Tensor, rows: slice, columns: slice) -> float:
    """Correlation of the mean greys of a part of the images."""
    greys = [x[:, :, rows, columns].float().mean((1, 2, 3)) for x in (images, others)]
    return torch.corrcoef(torch.stack(greys))[0, 1].item()

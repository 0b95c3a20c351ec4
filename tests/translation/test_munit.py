from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.adain import (
    AdaINDecoder,
    adain,
    content_encoder,
    statistics,
    style_encoder,
)
from isthmus.networks.storage import load, save
from isthmus.translation.munit import CYCLE_TERMS, MultiScaleDiscriminator, Munit, MunitTerms
from isthmus.translation.trainer import Trainer, Training

SMALL = {
    "width": 4,
    "blocks": 1,
    "fold": 2,
    "discriminator_width": 4,
    "levels": 1,
    "scales": 2,
    "style": 3,
}


def munit(terms: MunitTerms = CYCLE_TERMS, seed: int = 1) -> Munit:
    return Munit(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 16) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(seed=st.integers(0, 99), scale=st.floats(0.1, 10), shift=st.floats(-5, 5))
def test_adain_gives_the_statistics_of_the_guide(seed: int, scale: float, shift: float) -> None:
    x, y = batch(seed)
    found = adain(x, *statistics(scale * y + shift))
    for mine, its in zip(statistics(found), statistics(scale * y + shift), strict=True):
        torch.testing.assert_close(mine, its, atol=1e-4, rtol=1e-4)


def test_adain_in_closed_form() -> None:
    x = torch.tensor([[[[1.0, 3.0]]]])
    found = adain(x, torch.tensor([[10.0]]), torch.tensor([[2.0]]))
    torch.testing.assert_close(found.flatten(), torch.tensor([8.0, 12.0]), atol=1e-4, rtol=0)
    flat = adain(torch.full((1, 1, 2, 2), 7.0), torch.tensor([[10.0]]), torch.tensor([[2.0]]))
    assert torch.equal(flat, torch.full((1, 1, 2, 2), 10.0))


def test_adain_forgets_the_statistics_of_the_source_and_keeps_its_pattern() -> None:
    x, y = batch()
    found, brighter = (adain(z, *statistics(y)) for z in (x, 3 * x + 1))
    torch.testing.assert_close(found, brighter, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(adain(x, *statistics(x)), x, atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("side", [16, 32])
def test_shapes(fold: int, side: int) -> None:
    x = batch(side=side)[0]
    content = content_encoder(3, 4, 2, fold=fold)(x)
    style = style_encoder(3, 4, 5, fold=fold)(x)
    assert content.shape == (3, 16, side // 4, side // 4)
    assert style.shape == (3, 5)
    images = AdaINDecoder(3, 4, 2, 5, fold=fold)(content, style)
    assert images.shape == x.shape
    assert images.abs().max() < 1


def test_published_sizes() -> None:
    """Counted by hand from the published layers; without the affine parameters of the norms."""

    def count(network: nn.Module) -> int:
        return sum(p.numel() for p in network.parameters() if p.dim() > 1)

    first, halvings = 3 * 49 * 64, 16 * (64 * 128 + 128 * 256)
    blocks = 4 * 2 * 9 * 256**2
    assert count(content_encoder(3, 64, 4)) == first + halvings + blocks
    assert count(style_encoder(3, 64, 8)) == first + halvings + 2 * 16 * 256**2 + 8 * 256
    perceptron = 8 * 256 + 256 * 256 + 256 * 4 * 2 * 2 * 256
    doublings = 25 * (256 * 128 + 128 * 64) + 64 * 49 * 3
    assert count(AdaINDecoder(3, 64, 4, 8)) == blocks + perceptron + doublings


def test_a_scale_sees_the_image_halved() -> None:
    judges, x = MultiScaleDiscriminator(3, 4, 1, 3, groups=4), torch.full((2, 3, 32, 32), 0.5)
    scores = judges(x)
    assert [s.shape[-1] for s in scores] == [14, 6, 2]
    for k, found in enumerate(scores):
        side = 32 >> k
        torch.testing.assert_close(found, judges.judges[k](torch.full((2, 3, side, side), 0.5)))


def test_content_comes_from_the_source_and_style_from_the_guide() -> None:
    (a, b), (other_a, other_b) = batch(), batch(seed=5)
    model = munit()
    found = model.translate(a, "a2b", b)
    assert found.shape == a.shape
    assert not torch.allclose(found, model.translate(other_a, "a2b", b))
    assert not torch.allclose(found, model.translate(a, "a2b", other_b))
    content, _ = model.encode(a, "a")
    _, style = model.encode(b, "b")
    torch.testing.assert_close(found, model.decoders["b"](content, style), atol=1e-5, rtol=1e-4)


def reference(model: Munit, a: Tensor, b: Tensor, source: torch.Generator) -> dict[str, Tensor]:
    """All terms as the formulas say, one call a term."""
    x, other = {"a": a, "b": b}, {"a": "b", "b": "a"}
    content = {d: model.contents[d](x[d]) for d in "ab"}
    style = {d: model.styles[d](x[d]) for d in "ab"}
    drawn = {d: torch.randn(len(a), 3, generator=source) for d in "ab"}
    translated = {d: model.decoders[d](content[other[d]], drawn[d]) for d in "ab"}
    found = {}
    for d in "ab":
        o, scores = other[d], model.judges[d](translated[d])
        again = model.contents[o](translated[o])
        found |= {
            f"image/{d}": 2 * l1_loss(model.decoders[d](content[d], style[d]), x[d]),
            f"content/{d}": 3 * l1_loss(again, content[d]),
            f"style/{d}": 4 * l1_loss(model.styles[d](translated[d]), drawn[d]),
            f"cycle/{d}": 5 * l1_loss(model.decoders[d](again, style[d]), x[d]),
            f"gan/{d}": 6 * ((scores[0] - 1).square().mean() + (scores[1] - 1).square().mean()),
        }
    return found


def test_joined_passes_give_what_the_formulas_say() -> None:
    model = munit(MunitTerms(gan=6, image=2, content=3, style=4, cycle=5))
    found = model.generator_losses(*batch(), noise(3)).losses
    expected = reference(model, *batch(), noise(3))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)


class _Content(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 1:]


class _Style(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, 0, 0, :3]


class _Decoder(nn.Module):
    def forward(self, content: Tensor, style: Tensor) -> Tensor:
        images = torch.cat([torch.zeros_like(content[:, :, :1]), content], 2)
        images[:, 0, 0, :3] = style
        return images


class _Judge(nn.Module):
    def forward(self, x: Tensor) -> list[Tensor]:
        return [torch.ones(len(x), 1, 2, 2), torch.ones(len(x), 1, 1, 1)]


def test_every_loss_is_zero_where_content_and_style_are_told_apart_without_loss() -> None:
    model = munit()
    for parts, stub in (
        (model.contents, _Content()),
        (model.styles, _Style()),
        (model.decoders, _Decoder()),
        (model.judges, _Judge()),
    ):
        for d in "ab":
            parts[d] = stub
    a, b = (_Decoder()(x[:, :, 1:], x[:, 0, 0, :3]) for x in batch())
    passed = model.generator_losses(a, b, noise())
    assert {name: value.item() for name, value in passed.losses.items()} == {
        f"{name}/{d}": 0 for name in ("gan", "image", "content", "style", "cycle") for d in "ab"
    }
    losses = model.discriminator_losses(a, b, passed.translations, {}, noise())
    assert {name: value.item() for name, value in losses.items()} == {
        "discriminator/a": 2,
        "discriminator/b": 2,
    }


def test_the_cycle_is_there_only_where_it_has_a_weight() -> None:
    names = {
        name[:-2]
        for name in munit(replace(CYCLE_TERMS, cycle=0)).generator_losses(*batch(), noise()).losses
    }
    assert names == {"gan", "image", "content", "style"}


def test_styles_are_drawn_from_the_generator_alone() -> None:
    found = []
    for stream in (3, 3, 4):
        torch.manual_seed(len(found))
        found.append(munit().generator_losses(*batch(), noise(stream)).losses["style/a"].item())
    assert found[0] == found[1] != found[2]


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = munit(), batch()
    passed = model.generator_losses(a, b, noise())
    shown = {d: x.detach() for d, x in passed.translations.items()}
    losses = model.discriminator_losses(a, b, shown, {}, noise())
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    torch.stack(list(passed.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert len(sides) == len({id(p) for p in sides}) == len(list(model.parameters()))


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = munit(), batch()
    save(model, tmp_path)
    found = load(Munit, tmp_path)
    assert found.config == model.config
    assert torch.equal(found.translate(a, "b2a", b), model.translate(a, "b2a", b))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"blocks": 0}, {"fold": 3}, {"scales": 0}, {"style": 0}]
)
def test_a_size_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="Mend"):
        Munit(**SMALL | wrong)


def test_images_guides_and_directions_that_do_not_fit_are_refused() -> None:
    model, (a, b) = munit(), batch()
    for small, scales in ((12, 1), (16, 3)):
        images = torch.zeros(2, 3, small, small).byte()
        with pytest.raises(InputError, match="side"):
            Munit(**SMALL | {"scales": scales}).check(images, images)
    model.check(a, b)
    for guide in (None, b[:2]):
        with pytest.raises(InputError, match="guide"):
            model.translate(a, "a2b", guide)
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "a2a", b)  # type: ignore[arg-type]


def toys(low: int, high: int, seed: int) -> Tensor:
    """One bright quarter at a random place, on a random grey between two."""
    source = torch.Generator().manual_seed(seed)
    grey = torch.randint(low, high, (24, 1, 1, 1), generator=source)
    images = grey.expand(24, 3, 16, 16).clone()
    for image in images:
        row, column = (8 * torch.randint(2, (2,), generator=source)).tolist()
        image[:, row : row + 8, column : column + 8] = 255
    return images.byte()


def test_a_toy_pair_is_learnt_to_be_rebuilt() -> None:
    """The bright quarter is content; the grey around it, dark in A and light in B, is style."""
    a, b = toys(0, 60, 1), toys(120, 200, 2)
    model = Munit(**SMALL | {"width": 8, "discriminator_width": 8}, terms=CYCLE_TERMS, seed=1)
    training = Training(60, batch_size=8, learning_rate=1e-3, discriminator_learning_rate=1e-3)
    found = Trainer(model, a, b, training, seed=1)
    found.run()
    for name in ("image/a", "image/b", "cycle/a", "cycle/b"):
        assert sum(found.curves[name][-10:]) < 0.4 * sum(found.curves[name][:10]), name

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy, l1_loss

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.drit import (
    ConcatenatingDecoder,
    Drit,
    DritTerms,
    divergence,
    mode_seeking,
)
from isthmus.translation.trainer import Trainer, Training

SMALL = {
    "width": 4,
    "blocks": 2,
    "fold": 2,
    "discriminator_width": 4,
    "levels": 1,
    "scales": 2,
    "attribute": 3,
}
TERMS = DritTerms(2, 3, 4, 5, 6, 7, 8, 9, content_noise=0.5)


def drit(terms: DritTerms = TERMS, seed: int = 1) -> Drit:
    return Drit(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 32) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(seed=st.integers(0, 99))
def test_divergence_is_that_of_normal_distributions(seed: int) -> None:
    mean, log_variance = torch.randn(2, 4, 3, generator=noise(seed))
    one = torch.distributions.Normal(mean, (log_variance / 2).exp())
    other = torch.distributions.Normal(torch.zeros(()), torch.ones(()))
    expected = torch.distributions.kl_divergence(one, other).sum(1).mean()
    torch.testing.assert_close(divergence(mean, log_variance), expected, atol=1e-5, rtol=1e-4)
    assert divergence(torch.zeros(4, 3), torch.zeros(4, 3)).item() == 0


def test_mode_seeking_in_closed_form() -> None:
    x, z = torch.zeros(2, 3, 4, 4), torch.zeros(2, 5)
    assert mode_seeking(x, x + 2, z, z + 1).item() == pytest.approx(1 / 2, rel=1e-4)
    assert mode_seeking(x, x - 1, z, z + 2).item() == pytest.approx(2, rel=1e-4)
    assert mode_seeking(x, x, z, z + 1).item() == pytest.approx(1e5)


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("side", [32, 64])
def test_shapes(fold: int, side: int) -> None:
    model = Drit(**SMALL | {"fold": fold})
    a, b = batch(side=side)
    model.check(a, b)
    content = model.content(a, "a")
    assert content.shape == (3, 16, side // 4, side // 4)
    assert [part.shape for part in model.attribute(a, "a")] == [(3, 3)] * 2
    assert model.translate(a, "a2b", b).shape == a.shape
    assert model.translate(a, "a2b", b).abs().max() < 1
    assert model.content_judge(content).shape == (3, 1, side // 8 - 3, side // 8 - 3)


def test_published_sizes_of_the_decoder() -> None:
    """Counted by hand from the published layers; without the affine parameters of the norms."""
    found = sum(
        p.numel() for p in ConcatenatingDecoder(3, 64, 3, 8, fold=1).parameters() if p.dim() > 1
    )
    blocks, doublings = 3 * 2 * 9 * 264**2, 9 * (272 * 136 + 144 * 72)
    assert found == blocks + doublings + 80 * 3


def test_content_comes_from_the_source_and_attribute_from_the_guide() -> None:
    (a, b), (other_a, other_b) = batch(), batch(seed=5)
    model = drit()
    found = model.translate(a, "a2b", b)
    assert not torch.allclose(found, model.translate(other_a, "a2b", b))
    assert not torch.allclose(found, model.translate(a, "a2b", other_b))
    mean, _ = model.attribute(b, "b")
    torch.testing.assert_close(found, model.decode(model.content(a, "a"), mean, "b"))


@pytest.mark.parametrize("shared", ["last_content", "first_decoded"])
def test_a_block_of_encoders_and_decoders_is_shared(shared: str) -> None:
    (x, guide), model = batch(), drit()
    before = [model.translate(x, "a2b", guide), model.translate(x, "b2a", guide)]
    for p in getattr(model, shared).parameters():
        nn.init.zeros_(p)
    after = [model.translate(x, "a2b", guide), model.translate(x, "b2a", guide)]
    assert not any(torch.allclose(*pair) for pair in zip(before, after, strict=True))


def reference(model: Drit, a: Tensor, b: Tensor, source: torch.Generator) -> dict[str, Tensor]:
    """All terms as the formulas say, one call a term, by probabilities instead of logits."""
    x, other = {"a": a, "b": b}, {"a": "b", "b": "a"}

    def draw(like: Tensor) -> Tensor:
        return torch.randn(like.shape, generator=source)

    def codes(image: Tensor, content_of: str, attribute_of: str) -> tuple[Tensor, ...]:
        content = model.content(image, content_of)
        content = content + 0.5 * draw(content)
        mean, log_variance = model.attribute(image, attribute_of)
        return content, mean + (log_variance / 2).exp() * draw(mean), mean, log_variance

    def entropy(logits: Tensor, label: float) -> Tensor:
        return binary_cross_entropy(logits.sigmoid(), torch.full_like(logits, label))

    own = {d: codes(x[d], d, d) for d in "ab"}
    drawn = {d: (draw(own[d][1]), draw(own[d][1])) for d in "ab"}
    made = {d: model.decode(own[other[d]][0], own[d][1], d) for d in "ab"}
    again = {d: codes(made[d], other[d], d) for d in "ab"}
    found = {}
    for d in "ab":
        content, attribute, mean, log_variance = own[d]
        one, two = (model.decode(own[other[d]][0], z, d) for z in drawn[d])
        rebuilt = model.decode(content, attribute, d)
        cycled = model.decode(again[other[d]][0], again[d][1], d)
        apart = l1_loss(one, two) / l1_loss(*drawn[d])
        found |= {
            f"gan/{d}": 2 * sum(entropy(s, 1) for s in model.judges[d](made[d])),
            f"gan_drawn/{d}": 2 * sum(entropy(s, 1) for s in model.judges_of_drawn[d](one)),
            f"content_gan/{d}": 3 * entropy(model.content_judge(content), 0.5),
            f"cross_cycle/{d}": 4 * l1_loss(cycled, x[d]),
            f"reconstruction/{d}": 5 * l1_loss(rebuilt, x[d]),
            f"kl/{d}": 6 * divergence(mean, log_variance),
            f"content/{d}": 7 * content.square().mean(),
            f"latent/{d}": 8 * l1_loss(model.attribute(one, d)[0], drawn[d][0]),
            f"mode_seeking/{d}": 9 / (apart + 1e-5),
        }
    return found


def test_joined_passes_give_what_the_formulas_say() -> None:
    model = drit()
    found = model.generator_losses(*batch(), noise(3)).losses
    expected = reference(model, *batch(), noise(3))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-4, rtol=1e-3)


class _Content(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, 1:]


class _Attribute(nn.Module):
    """The attribute is written in the first pixels, and certain."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x[:, 0, 0, :3], torch.full((len(x), 3), -100.0)], 1)


class _Decoder(nn.Module):
    def forward(self, content: Tensor, attribute: Tensor) -> Tensor:
        images = torch.cat([torch.zeros_like(content[:, :, :1]), content], 2)
        images[:, 0, 0, :3] = attribute
        return images


class _Undecided(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.zeros(len(x), 1)


class _UndecidedAtTwoScales(_Undecided):
    def forward(self, x: Tensor) -> list[Tensor]:  # type: ignore[override]
        return [torch.zeros(len(x), 1)] * 2


def test_losses_have_their_known_values_where_codes_are_told_apart_without_loss() -> None:
    model = drit(replace(DritTerms(), content_noise=0))
    model.last_content = model.first_decoded = nn.Identity()
    model.content_judge = _Undecided()
    for d in "ab":
        model.contents[d], model.attributes[d], model.decoders[d] = (
            _Content(),
            _Attribute(),
            _Decoder(),
        )
        model.judges[d] = model.judges_of_drawn[d] = _UndecidedAtTwoScales()
    a, b = (_Decoder()(x[:, :, 1:], x[:, 0, 0, :3]) for x in batch())
    passed = model.generator_losses(a, b, noise())
    found = {name: value.item() for name, value in passed.losses.items()}
    for name, expected in {
        "reconstruction": 0,
        "cross_cycle": 0,
        "latent": 0,
        "content_gan": math.log(2),
        "gan": 2 * math.log(2),
        "gan_drawn": 2 * math.log(2),
        "content": 0.01 * a[:, :, 1:].square().mean().item(),
        "mode_seeking": 3 * 32 * 32 / 3,
    }.items():
        assert found[f"{name}/a"] == pytest.approx(expected, rel=0.02, abs=1e-6), name
    losses = model.discriminator_losses(a, b, passed.translations, {}, noise())
    values = {name[:-2]: value.item() for name, value in losses.items()}
    assert values == pytest.approx(
        {
            "discriminator": 4 * math.log(2),
            "discriminator_drawn": 4 * math.log(2),
            "content_discriminator": math.log(2),
        }
    )


def test_the_discriminators_tell_real_from_made_and_a_from_b() -> None:
    model, (a, b) = drit(DritTerms(content_noise=0)), batch()
    shown = {name: x for d, x in (("a", b), ("b", a)) for name in (d, f"drawn/{d}")}
    with torch.no_grad():
        found = model.discriminator_losses(a, b, shown, {}, noise())
        model.content_judge[-1].weight.zero_()
        model.content_judge[-1].bias.fill_(3.0)
        biased = model.discriminator_losses(a, b, shown, {}, noise())
    for name, judges in (("discriminator", model.judges), ("discriminator_drawn", None)):
        judge = (judges or model.judges_of_drawn)["a"]
        expected = sum(
            -real.sigmoid().log().mean() - (1 - made.sigmoid()).log().mean()
            for real, made in zip(judge(a), judge(b), strict=True)
        )
        torch.testing.assert_close(found[f"{name}/a"], expected, atol=1e-4, rtol=1e-4)
    assert biased["content_discriminator/a"].item() == pytest.approx(math.log1p(math.exp(-3)))
    assert biased["content_discriminator/b"].item() == pytest.approx(math.log1p(math.exp(3)))


def test_the_latent_term_does_not_train_the_attribute_encoder() -> None:
    model = drit()
    latent = model.generator_losses(*batch(), noise()).losses["latent/a"]
    latent.backward()
    assert not any(p.grad.any() for p in model.attributes.parameters() if p.grad is not None)
    assert all(p.grad is not None for p in model.decoders["a"].parameters())


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = drit(), batch()
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


def test_codes_are_drawn_from_the_generator_alone() -> None:
    found = []
    for stream in (3, 3, 4):
        torch.manual_seed(len(found))
        found.append(drit().generator_losses(*batch(), noise(stream)).losses["latent/a"].item())
    assert found[0] == found[1] != found[2]


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = drit(), batch()
    save(model, tmp_path)
    found = load(Drit, tmp_path)
    assert found.config == model.config
    assert torch.equal(found.translate(a, "b2a", b), model.translate(a, "b2a", b))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"blocks": 0}, {"fold": 3}, {"scales": 0}, {"attribute": 0}]
)
def test_a_size_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="Mend"):
        Drit(**SMALL | wrong)


def test_images_guides_and_directions_that_do_not_fit_are_refused() -> None:
    model, (a, b) = drit(), batch()
    with pytest.raises(InputError, match="side"):
        model.check(*batch(side=16))
    with pytest.raises(InputError, match="side"):
        Drit(**SMALL | {"scales": 4}).check(a, b)
    for guide in (None, b[:2]):
        with pytest.raises(InputError, match="guide"):
            model.translate(a, "a2b", guide)
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "a2a", b)  # type: ignore[arg-type]


def toys(low: int, high: int, seed: int) -> Tensor:
    """One bright quarter at a random place, on a random grey between two."""
    source = torch.Generator().manual_seed(seed)
    grey = torch.randint(low, high, (24, 1, 1, 1), generator=source)
    images = grey.expand(24, 3, 32, 32).clone()
    for image in images:
        row, column = (16 * torch.randint(2, (2,), generator=source)).tolist()
        image[:, row : row + 16, column : column + 16] = 255
    return images.byte()


def test_a_toy_pair_is_learnt_to_be_rebuilt() -> None:
    """The bright quarter is content; the grey around it, dark in A and light in B, is not."""
    training = Training(40, batch_size=4, learning_rate=2e-3, discriminator_learning_rate=1e-3)
    found = Trainer(drit(DritTerms()), toys(0, 60, 1), toys(120, 200, 2), training, seed=1)
    found.run()
    for name in ("reconstruction/a", "reconstruction/b", "cross_cycle/a", "cross_cycle/b"):
        assert sum(found.curves[name][-10:]) < 0.6 * sum(found.curves[name][:10]), name

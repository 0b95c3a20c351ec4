from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, softplus

from isthmus.errors import InputError
from isthmus.networks.adain import statistics
from isthmus.networks.storage import load, save
from isthmus.translation.starganv2 import (
    SLOWNESS,
    Block,
    HeadedNetwork,
    MappingNetwork,
    SlowLinear,
    StarGanV2,
    StarGanV2Terms,
    StyledBlock,
    StyledGenerator,
)
from isthmus.translation.trainer import Trainer, Training

SMALL = {
    "width": 4,
    "blocks": 2,
    "fold": 2,
    "widest": 8,
    "levels": 2,
    "style": 5,
    "latent": 3,
    "hidden": 6,
}
TERMS = StarGanV2Terms(gan=2, style=3, diversity=4, diversity_steps=10, cycle=5, r1=6)


def stargan(terms: StarGanV2Terms = TERMS, seed: int = 1) -> StarGanV2:
    return StarGanV2(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 16) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def count(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("side", [16, 32])
def test_shapes(fold: int, side: int) -> None:
    model = StarGanV2(**SMALL | {"fold": fold})
    a, b = batch(side=side)
    model.check(a, b)
    assert model.generator(a, model.encoder(b, "b")).shape == a.shape
    assert model.encoder(a, "a").shape == model.mapping(torch.zeros(3, 3), "a").shape == (3, 5)
    assert model.judge(a, "a").shape == (3, 1)
    assert model.translate(a, "a2b", b).shape == a.shape


def test_published_sizes() -> None:
    """At 256 px, in millions; the generator without its high-pass mask."""
    generator = StyledGenerator(3, [64, 128, 256, 512, 512], 4, 64, fold=1)
    assert round(count(generator) / 1e6, 1) == 33.9
    assert round(count(MappingNetwork(16, 512, 64)) / 1e6, 1) == 2.4
    body = [64, 128, 256, 512, 512, 512, 512]
    assert round(count(HeadedNetwork(3, body, 64, fold=1)) / 1e6, 1) == 20.9
    assert round(count(HeadedNetwork(3, body, 1, fold=1)) / 1e6, 1) == 20.9


def test_blocks_keep_the_variance_halve_and_double() -> None:
    x = torch.randn(2, 4, 8, 8, generator=noise())
    assert Block(4, 6, halving=True)(x).shape == (2, 6, 4, 4)
    assert StyledBlock(4, 6, 5, doubling=True)(x, torch.zeros(2, 5)).shape == (2, 6, 16, 16)
    block = Block(4, 4)
    for layer in (block.second[-1].weight, block.second[-1].bias):
        nn.init.zeros_(layer)
    torch.testing.assert_close(block(x), x / math.sqrt(2))


def test_the_style_sets_mean_and_deviation() -> None:
    block, style = StyledBlock(4, 4, 2), torch.tensor([[1.0, -1.0], [2.0, 0.5]])
    seen: list[Tensor] = []
    block.first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        block.first_targets.weight.zero_()
        block.first_targets.weight[0] = torch.tensor([100.0, 0.0])
        block.first_targets.bias.zero_()
    block(torch.randn(2, 4, 8, 8, generator=noise()), style)
    mean, _ = statistics(seen[0])
    torch.testing.assert_close(mean[:, 0], torch.tensor([100.0, 200.0]), atol=1e-2, rtol=1e-3)


def test_the_mapping_learns_a_hundred_times_slower() -> None:
    steps = []
    for layer in (nn.Linear(3, 2), SlowLinear(3, 2)):
        x, adam = torch.ones(1, 3), torch.optim.Adam(layer.parameters(), lr=1e-3)
        before = layer(x)
        before.sum().backward()
        adam.step()
        steps.append((layer(x) - before).abs().mean().item())
    assert steps[0] / steps[1] == pytest.approx(SLOWNESS, rel=1e-3)


def test_styles_start_as_large_as_without_slowness() -> None:
    model = StarGanV2(width=4, widest=4, levels=2, hidden=256, style=64)
    style = model.mapping(torch.randn(64, 16, generator=noise()), "a")
    assert 0.3 < style.std() < 3


def test_the_guide_and_the_source_matter() -> None:
    (a, b), (other_a, other_b) = batch(), batch(seed=5)
    model = stargan()
    found = model.translate(a, "a2b", b)
    assert found.abs().max() <= 1
    assert not torch.allclose(found, model.translate(other_a, "a2b", b))
    assert not torch.allclose(found, model.translate(a, "a2b", other_b))
    torch.testing.assert_close(found, model.generator(a, model.encoder(b, "b")).clamp(-1, 1))


def reference(model: StarGanV2, a: Tensor, b: Tensor, source: torch.Generator) -> dict[str, Tensor]:
    """All terms as the formulas say, one image and one call at a time."""
    n, half = len(a), (len(a) + 1) // 2
    x, other = {"a": a, "b": b}, {"a": "b", "b": "a"}
    own = {d: model.encoder(x[d], d) for d in "ab"}
    found: dict[str, list[Tensor]] = {}
    for d in "ab":
        first, second = (model.mapping(torch.randn(n, 3, generator=source), d) for _ in range(2))
        for row in range(n):
            origin = other[d] if row < half else d
            image = x[origin][row : row + 1]
            for style, different in (
                (first[row], second[row]),
                (own[d][(row - 1) % n], own[d][(row - 2) % n]),
            ):
                y = model.generator(image, style[None])
                back = model.generator(y, own[origin][row][None])
                apart = model.generator(image, different[None])
                for name, value in {
                    "gan": 2 * softplus(-model.judge(y, d)).mean(),
                    "style": 3 * l1_loss(model.encoder(y, d), style[None]),
                    "diversity": -4 * l1_loss(y, apart),
                    "cycle": 5 * l1_loss(back, image),
                }.items():
                    found.setdefault(f"{name}/{d}", []).append(value)
    return {name: torch.stack(values).mean() for name, values in found.items()}


@pytest.mark.parametrize("size", [2, 3, 4])
def test_joined_passes_give_what_the_formulas_say(size: int) -> None:
    model, images = stargan(), batch(count=size)
    found = model.generator_losses(*images, noise(3)).losses
    expected = reference(model, *images, noise(3))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)


def test_the_discriminator_losses() -> None:
    model, (a, b), (fake_a, fake_b) = stargan(), batch(), batch(seed=5)
    found = model.discriminator_losses(a, b, {"a": fake_a, "b": fake_b}, {}, noise())
    x = a.clone().requires_grad_()
    scores = model.judge(x, "a")
    (slope,) = torch.autograd.grad(scores.sum(), x)
    expected = softplus(-scores).mean() + softplus(model.judge(fake_a, "a")).mean()
    torch.testing.assert_close(found["discriminator/a"], expected)
    torch.testing.assert_close(found["r1/a"], 6 * slope.square().sum((1, 2, 3)).mean() / 2)
    for p in model.judge.parameters():
        nn.init.zeros_(p)
    found = model.discriminator_losses(a, b, {"a": fake_a, "b": fake_b}, {}, noise())
    assert found["discriminator/a"].item() == pytest.approx(2 * math.log(2))
    assert found["r1/a"].item() == 0
    passed = model.generator_losses(a, b, noise())
    assert passed.losses["gan/b"].item() == pytest.approx(2 * math.log(2))


class _Generator(nn.Module):
    """Content is all but the first pixels, which are the style."""

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        y = x.clone()
        y[:, 0, 0, :5] = style
        return y


class _Encoder(nn.Module):
    def forward(self, x: Tensor, domain: str) -> Tensor:
        return x[:, 0, 0, :5]


def test_losses_are_zero_where_styles_are_told_apart_without_loss() -> None:
    model = stargan()
    model.generator, model.encoder = _Generator(), _Encoder()
    losses = model.generator_losses(*batch(), noise()).losses
    assert {losses[f"{name}/{d}"].item() for name in ("style", "cycle") for d in "ab"} == {0}


def test_no_diversity_where_the_style_is_ignored() -> None:
    model = stargan()
    model.generator.forward = lambda x, style: x  # type: ignore[method-assign]
    losses = model.generator_losses(*batch(), noise()).losses
    assert losses["diversity/a"].item() == losses["cycle/a"].item() == 0


def test_the_diversity_falls_linearly_to_zero() -> None:
    model, found = stargan(), []
    for model.step in range(11):
        losses = model.generator_losses(*batch(), noise()).losses
        found.append(losses["diversity/a"].item() if "diversity/a" in losses else 0)
    expected = [found[0] * (1 - step / 10) for step in range(11)]
    assert found == pytest.approx(expected, rel=1e-5, abs=1e-12)
    assert found[0] < 0


def test_guides_train_the_generator_alone() -> None:
    """What the encoder and the mapping learn comes from the half under drawn styles."""
    model, (a, b) = stargan(), batch()
    losses = model.generator_losses(a, b, noise(3)).losses
    style = model.mapping(torch.randn(3, 3, generator=noise(3)), "a")
    sources = torch.cat([b[:2], a[2:]])
    back = torch.cat([model.encoder(b, "b")[:2], model.encoder(a, "a")[2:]])
    y = model.generator(sources, style)
    expected = {
        "style/a": 3 * l1_loss(model.encoder(y, "a"), style) / 2,
        "cycle/a": 5 * l1_loss(model.generator(y, back), sources) / 2,
    }
    weights = [*model.encoder.body.parameters(), *model.mapping.shared.parameters()]
    for name, loss in expected.items():
        for found, wanted in zip(
            torch.autograd.grad(losses[name], weights, retain_graph=True),
            torch.autograd.grad(loss, weights, retain_graph=True),
            strict=True,
        ):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-3)


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = stargan(), batch()
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


def test_styles_are_drawn_from_the_generator_alone() -> None:
    found = []
    for stream in (3, 3, 4):
        torch.manual_seed(len(found))
        found.append(stargan().generator_losses(*batch(), noise(stream)).losses["style/a"].item())
    assert found[0] == found[1] != found[2]


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = stargan(), batch()
    save(model, tmp_path)
    found = load(StarGanV2, tmp_path)
    assert found.config == model.config
    assert torch.equal(found.translate(a, "b2a", b), model.translate(a, "b2a", b))


@pytest.mark.parametrize(
    "wrong", [{"width": 0}, {"blocks": -1}, {"fold": 3}, {"levels": 1}, {"style": 0}]
)
def test_a_size_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        StarGanV2(**SMALL | wrong)


def test_images_guides_and_directions_that_do_not_fit_are_refused() -> None:
    model, (a, b) = stargan(), batch()
    with pytest.raises(InputError, match="side"):
        model.check(*batch(side=12))
    for guide in (None, b[:2]):
        with pytest.raises(InputError, match="guide"):
            model.translate(a, "a2b", guide)
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "a2a", b)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="batch_size"):
        model.generator_losses(a[:1], b[:1], noise())


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
    """The bright quarter is in both; the grey around it is dark in A and light in B."""
    model = stargan(StarGanV2Terms(diversity_steps=80, cycle=10), seed=1)
    training = Training(60, batch_size=4, learning_rate=3e-3, betas=(0.0, 0.99), history=0)
    found = Trainer(model, toys(0, 60, 1), toys(120, 200, 2), training, seed=1)
    found.run()
    for name in ("cycle/a", "cycle/b"):
        assert sum(found.curves[name][-10:]) < 0.7 * sum(found.curves[name][:10]), name


def test_a_training_that_goes_on_knows_how_far_the_diversity_has_fallen(tmp_path: Path) -> None:
    def trainer() -> Trainer[StarGanV2]:
        terms = replace(TERMS, diversity_steps=4)
        training = Training(6, batch_size=8, history=0)
        return Trainer(stargan(terms), toys(0, 60, 1), toys(120, 200, 2), training, seed=1)

    whole, first, second = trainer(), trainer(), trainer()
    whole.run()
    first.run(3, checkpoint=tmp_path / "checkpoint.pt")
    second.run(checkpoint=tmp_path / "checkpoint.pt")
    assert second.curves == whole.curves
    assert len(whole.curves["diversity/a"]) == 4

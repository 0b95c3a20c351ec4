from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.adain import statistics
from isthmus.networks.storage import load, save
from isthmus.translation.augcyclegan import AugCycleGan, AugCycleGanTerms, ConditionalGenerator
from isthmus.translation.trainer import Trainer, Training

SMALL = {
    "width": 4,
    "blocks": 1,
    "fold": 2,
    "discriminator_width": 4,
    "levels": 1,
    "latent": 3,
}
TERMS = AugCycleGanTerms(2, 3, 4, 5)


def augmented(terms: AugCycleGanTerms = TERMS, seed: int = 1) -> AugCycleGan:
    return AugCycleGan(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 16) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("fold", [1, 2, 4])
@pytest.mark.parametrize("side", [16, 32])
def test_shapes(fold: int, side: int) -> None:
    model = AugCycleGan(**SMALL | {"fold": fold})
    a, b = batch(side=side)
    model.check(a, b)
    assert model.infer(a, b, "a").shape == model.encode(b, "b").shape == (3, 3)
    found = model.translate(a, "a2b", b)
    assert found.shape == a.shape
    assert found.abs().max() < 1


def test_published_sizes_of_the_generator() -> None:
    """Counted by hand from the published layers; without the layers that read the latent."""
    generator = ConditionalGenerator(3, 32, 9, 16, 1)
    found = sum(p.numel() for p in [*generator.layers.parameters(), *generator.last.parameters()])
    halvings = 9 * (32 * 64 + 64 * 128)
    assert found == 2 * 49 * 3 * 32 + 3 + 2 * halvings + 9 * 2 * 9 * 128**2


def test_every_norm_is_told_the_latent_and_neutral_without_one() -> None:
    generator, x = ConditionalGenerator(3, 4, 1, 3, 2), batch()[0]
    for layer, width in zip(generator.targets, (8, 16, 16, 8), strict=True):
        targets = layer(torch.zeros(1, 3)).view(len(layer.bias) // (2 * width), 2, width)
        assert torch.equal(targets.mean((0, 2)), torch.tensor([0.0, 1.0]))
        before = generator(x, torch.ones(3, 3))
        nn.init.zeros_(layer.weight)
        assert not torch.allclose(generator(x, torch.ones(3, 3)), before)
    assert torch.equal(generator(x, torch.ones(3, 3)), generator(x, torch.zeros(3, 3)))


def test_the_latent_sets_the_statistics() -> None:
    generator, seen = ConditionalGenerator(3, 4, 0, 3, 4), []
    generator.last[0].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        generator.targets[0].weight.zero_()
        generator.targets[0].weight[:16, 0] = 100
    latent = torch.tensor([[0.5, 0, 0], [2, 0, 0], [3, 0, 0]])
    generator(batch()[0], latent)
    mean, deviation = statistics(seen[0])
    torch.testing.assert_close(mean, (100 * latent[:, :1]).expand_as(mean), atol=1e-2, rtol=1e-3)
    torch.testing.assert_close(deviation, torch.ones_like(mean), atol=1e-2, rtol=1e-2)


def test_the_guide_and_the_source_matter() -> None:
    (a, b), (other_a, other_b) = batch(), batch(seed=5)
    model = augmented()
    found = model.translate(a, "a2b", b)
    assert not torch.allclose(found, model.translate(other_a, "a2b", b))
    assert not torch.allclose(found, model.translate(a, "a2b", other_b))
    counterpart = model.into["a"](b, torch.zeros(3, 3))
    latent = model.encoders["b"](torch.cat([counterpart, b], 1))
    torch.testing.assert_close(found, model.into["b"](a, latent))


def reference(
    model: AugCycleGan, a: Tensor, b: Tensor, source: torch.Generator
) -> dict[str, Tensor]:
    """All terms as the paper writes them, from A to B and from B to A."""
    z_a, z_b = (torch.randn(len(a), 3, generator=source) for _ in range(2))
    made_b, made_a = model.into["b"](a, z_b), model.into["a"](b, z_a)
    inferred_a, inferred_b = model.infer(a, made_b, "a"), model.infer(made_a, b, "b")
    return {
        "gan/a": 2 * (model.judges["a"](made_a) - 1).square().mean(),
        "gan/b": 2 * (model.judges["b"](made_b) - 1).square().mean(),
        "latent_gan/a": 3 * (model.latent_judges["a"](inferred_a) - 1).square().mean(),
        "latent_gan/b": 3 * (model.latent_judges["b"](inferred_b) - 1).square().mean(),
        "cycle/a": 4 * l1_loss(model.into["a"](made_b, inferred_a), a),
        "cycle/b": 4 * l1_loss(model.into["b"](made_a, inferred_b), b),
        "latent_cycle/a": 5 * l1_loss(model.infer(made_a, b, "a"), z_a),
        "latent_cycle/b": 5 * l1_loss(model.infer(a, made_b, "b"), z_b),
    }


def test_the_terms_are_what_the_formulas_say() -> None:
    model = augmented()
    passed = model.generator_losses(*batch(), noise(3))
    expected = reference(model, *batch(), noise(3))
    assert passed.losses.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(passed.losses[name], value, atol=1e-5, rtol=1e-4)


class _Generator(nn.Module):
    """Shared content, under the latent in the first pixels."""

    def forward(self, x: Tensor, latent: Tensor) -> Tensor:
        y = x.clone()
        y[:, 0, 0, :3] = latent
        return y


class _Encoder(nn.Module):
    def __init__(self, channel: int) -> None:
        super().__init__()
        self.channel = channel

    def forward(self, pair: Tensor) -> Tensor:
        return pair[:, self.channel, 0, :3]


class _Judge(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.ones(len(x), 1)


def test_every_loss_is_zero_where_latents_are_told_apart_without_loss() -> None:
    model = augmented()
    for d, channel in (("a", 0), ("b", 3)):
        model.into[d], model.encoders[d] = _Generator(), _Encoder(channel)
        model.judges[d] = model.latent_judges[d] = _Judge()
    a, b = batch()
    passed = model.generator_losses(a, b, noise())
    assert {name: value.item() for name, value in passed.losses.items()} == {
        f"{name}/{d}": 0 for name in ("gan", "latent_gan", "cycle", "latent_cycle") for d in "ab"
    }
    assert torch.equal(passed.translations["latent/a"], a[:, 0, 0, :3])
    losses = model.discriminator_losses(a, b, passed.translations, {}, noise())
    assert {name: value.item() for name, value in losses.items()} == {
        f"{name}/{d}": 1 for name in ("discriminator", "latent_discriminator") for d in "ab"
    }


def test_latents_are_judged_against_normal_ones() -> None:
    model, (a, b) = augmented(), batch()
    latents = {f"latent/{d}": torch.full((3, 3), 0.5) for d in "ab"}
    found = model.discriminator_losses(a, b, {"a": b, "b": a} | latents, {}, noise(2))
    drawn = torch.randn(3, 3, generator=noise(2))
    judge = model.latent_judges["a"]
    expected = (judge(drawn) - 1).square().mean() + judge(latents["latent/a"]).square().mean()
    torch.testing.assert_close(found["latent_discriminator/a"], expected)


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = augmented(), batch()
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


def test_latents_are_drawn_from_the_generator_alone() -> None:
    found = []
    for stream in (3, 3, 4):
        torch.manual_seed(len(found))
        losses = augmented().generator_losses(*batch(), noise(stream)).losses
        found.append(losses["latent_cycle/a"].item())
    assert found[0] == found[1] != found[2]


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = augmented(), batch()
    save(model, tmp_path)
    found = load(AugCycleGan, tmp_path)
    assert found.config == model.config
    assert torch.equal(found.translate(a, "b2a", b), model.translate(a, "b2a", b))


@pytest.mark.parametrize("wrong", [{"width": 0}, {"blocks": -1}, {"fold": 3}, {"latent": 0}])
def test_a_size_that_makes_no_sense_is_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError, match="Mend"):
        AugCycleGan(**SMALL | wrong)


def test_images_guides_and_directions_that_do_not_fit_are_refused() -> None:
    model, (a, b) = augmented(), batch()
    for side, levels in ((12, 1), (16, 3)):
        with pytest.raises(InputError, match="side"):
            AugCycleGan(**SMALL | {"levels": levels}).check(*batch(side=side))
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
    """The bright quarter is in both; the grey around it is dark in A and light in B."""
    training = Training(60, batch_size=8, learning_rate=2e-3, discriminator_learning_rate=4e-4)
    model = augmented(AugCycleGanTerms(cycle=10))
    found = Trainer(model, toys(0, 60, 1), toys(120, 200, 2), training, seed=1)
    found.run()
    for name in ("cycle/a", "cycle/b"):
        assert sum(found.curves[name][-10:]) < 0.6 * sum(found.curves[name][:10]), name

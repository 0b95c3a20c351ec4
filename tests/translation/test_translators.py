from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.cyclic import CyclicTranslator
from isthmus.translation.rift import PAPER_TERMS, Rift, RiftTerms
from isthmus.translation.translator import GeneratorPass, to_bytes, to_unit, translate_bytes
from isthmus.translation.trivial import CopyGuide, CopySource

SMALL = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1}
QUIET = RiftTerms(image_noise=0, embedding_noise=0)
EVERY = RiftTerms(
    bits=5.0,
    bits_at_start=80.0,
    bits_steps=8,
    guess=1,
    embedding_return=1,
    embedding_swap=1,
    cycle_swap=1,
)


def rift(terms: RiftTerms = QUIET, seed: int = 1) -> Rift:
    return Rift(**SMALL, terms=terms, seed=seed)


def batch(seed: int = 0, count: int = 3, side: int = 8) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    a, b = torch.rand(2, count, 3, side, side, generator=source) * 2 - 1
    return a, b


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def watch(model: Rift, domain: str) -> list[Tensor]:
    seen: list[Tensor] = []
    model.into[domain].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    return seen


def test_the_encoder_takes_a_zero_embedding_and_no_noise() -> None:
    model = rift(replace(EVERY, image_noise=0.5, embedding_noise=0.5))
    a, b = batch()
    seen = {"a": watch(model, "a"), "b": watch(model, "b")}
    passed = model.generator_losses(a, b, noise())
    for out_of, x in (("b", a), ("a", b)):
        first = seen[out_of][0]
        assert torch.equal(first[:, :3], x)
        assert not first[:, 3:].any()
    again = seen["b"][2][3:]
    assert torch.equal(again[:, :3], passed.translations["a"])
    assert not again[:, 3:].any()


def test_every_image_and_embedding_that_enters_a_translation_is_noisy() -> None:
    model = rift(replace(QUIET, image_noise=0.5, embedding_noise=0.25))
    a, b = batch(count=16)
    seen = watch(model, "b")
    model.generator_losses(a, b, noise())
    translation, identity = seen[1].chunk(2)
    own = model.encode(b, "b").detach()
    for inputs, image, embedding in ((translation, a, own.roll(1, 0)), (identity, b, own)):
        assert (inputs[:, :3] - image).std().item() == pytest.approx(0.5, rel=0.05)
        assert (inputs[:, 3:] - embedding).std().item() == pytest.approx(0.25, rel=0.1)
    assert not torch.equal(translation[:, 3:] - own.roll(1, 0), identity[:, 3:] - own)


def test_guides_are_rolled_and_never_the_image_of_the_same_row() -> None:
    model = rift()
    a, b = batch(count=5)
    translated = model.generator_losses(a, b, noise()).translations["b"]
    for row in range(5):
        apart = [
            (model.translate(a[row : row + 1], "a2b", b[g : g + 1]) - translated[row]).abs().max()
            for g in range(5)
        ]
        assert int(torch.stack(apart).argmin()) == (row - 1) % 5
        assert min(apart) < 1e-5


def test_a_single_image_cannot_be_rolled() -> None:
    with pytest.raises(InputError, match="batch_size"):
        rift().generator_losses(*batch(count=1), noise())


def test_the_budget_falls_geometrically_between_a_quarter_and_three_quarters() -> None:
    budgets = [EVERY.budget(step) for step in range(9)]
    assert budgets == pytest.approx([80, 80, 80, 40, 20, 10, 5, 5, 5])
    with pytest.raises(InputError, match="bits"):
        RiftTerms().budget(0)


def test_the_price_follows_the_budget() -> None:
    """A halved budget costs `capacity` more, where the embedding is above it."""
    terms = replace(QUIET, bits=1e-4, bits_at_start=1.0, bits_steps=8, embedding_noise=0.1)
    model, prices = rift(replace(terms, capacity=2.0)), []
    for model.step in (3, 4):
        prices.append(model.generator_losses(*batch(), noise()).losses["capacity/a"].item())
    assert prices[1] - prices[0] == pytest.approx(2 * math.log2(1e4) / 4, rel=1e-4)


@pytest.mark.parametrize(
    "wrong",
    [
        {"bits": 0.0},
        {"bits": 10.0, "bits_at_start": 5.0},
        {"bits": 10.0, "embedding_noise": 0.0},
        {"bits": 10.0, "bits_steps": 0},
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match="bits"):
        RiftTerms(**wrong)


def reference(model: Rift, a: Tensor, b: Tensor) -> dict[str, Tensor]:
    """All terms without noise as the formulas say, one call a term."""

    def run(target: str, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        image, embedding = model.into[target](torch.cat([x, s], 1)).split([3, 1], 1)
        return image, embedding

    zeros = torch.zeros(len(a), 1, 8, 8)
    x, other = {"a": a, "b": b}, {"a": "b", "b": "a"}
    own = {d: run(other[d], x[d], zeros)[1] for d in "ab"}
    guiding = {d: own[d].roll(1, 0) for d in "ab"}
    translated = {d: run(d, x[other[d]], guiding[d])[0] for d in "ab"}
    found = {}
    for d in "ab":
        o = other[d]
        cycled, returned = run(d, translated[o], own[d])
        reread = run(o, translated[d], zeros)[1]
        pair, swapped = torch.cat([cycled, x[d]], 1), torch.cat([x[d], cycled], 1)
        guess = model.adversaries.guessers[d]
        found |= {
            f"identity/{d}": l1_loss(run(d, x[d], own[d])[0], x[d]),
            f"cycle/{d}": 10 * l1_loss(cycled, x[d]),
            f"embedding_return/{o}": 2 * l1_loss(returned, guiding[o]),
            f"embedding_swap/{d}": 3 * l1_loss(reread, guiding[d]),
            f"cycle_swap/{d}": 4 * l1_loss(run(d, translated[o], reread.roll(-1, 0))[0], x[d]),
            f"capacity/{d}": 5 * own[d].abs().mean(),
            f"gan/{d}": (model.adversaries.judges[d](translated[d]) - 1).square().mean(),
            f"guess/{d}": 6 * ((guess(pair) - 1).square().mean() + guess(swapped).square().mean()),
        }
    return found


def test_joined_passes_give_what_the_formulas_say() -> None:
    model = rift(
        replace(QUIET, embedding_return=2, embedding_swap=3, cycle_swap=4, capacity=5, guess=6)
    )
    found, expected = model.generator_losses(*batch(), noise()).losses, reference(model, *batch())
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, atol=1e-5, rtol=1e-4)


def test_identity_uses_the_generator_into_the_own_domain() -> None:
    for model in (rift(), CycleGan(**SMALL, seed=1)):
        passed = model.generator_losses(*batch(), noise())
        passed.losses["identity/a"].backward()
        into_a = [p.grad for p in model.into["a"].parameters()]
        assert all(g is not None and g.any() for g in into_a[:1])
        assert all(p.grad is None for p in model.adversaries.parameters())
    assert all(p.grad is None for p in model.into["b"].parameters())


def test_a_drowned_embedding_lets_no_guide_through() -> None:
    (a, b), (_, other) = batch(), batch(seed=5)
    for sigma, deaf in ((1e9, True), (0.1, False)):
        model = rift(replace(QUIET, embedding_noise=sigma, capacity=0))
        found = [model.generator_losses(a, y, noise()).translations["b"] for y in (b, other)]
        assert torch.equal(*found) is deaf


def test_a_guide_matters_to_rift_and_not_to_cyclegan() -> None:
    (a, b), (_, other) = batch(), batch(seed=5)
    model, plain = rift(), CycleGan(**SMALL)
    assert not torch.equal(model.translate(a, "a2b", b), model.translate(a, "a2b", other))
    assert torch.equal(plain.translate(a, "a2b", b), plain.translate(a, "a2b"))


def test_the_capacity_term_is_fixed_or_has_a_budget() -> None:
    a, b = batch()
    fixed = rift(replace(QUIET, capacity=2, embedding_noise=0.3))
    own = fixed.encode(a, "a")
    passed = fixed.generator_losses(a, b, noise())
    assert passed.losses["capacity/a"].item() == pytest.approx(2 * own.abs().mean().item())
    bits = passed.readings["bits/a"].item()
    budget = rift(
        replace(QUIET, capacity=2, embedding_noise=0.3, bits=bits / 4, bits_at_start=bits / 4)
    )
    price = budget.generator_losses(a, b, noise()).losses["capacity/a"]
    assert price.item() == pytest.approx(4, rel=1e-4)


def test_terms_without_weight_are_absent() -> None:
    def names(model: CyclicTranslator) -> set[str]:
        return {name[:-2] for name in model.generator_losses(*batch(), noise()).losses}

    assert names(rift()) == {"gan", "cycle", "identity", "capacity"}
    assert names(rift(PAPER_TERMS)) == names(rift()) | {"guess", "embedding_return"}
    assert names(rift(EVERY)) == names(rift(PAPER_TERMS)) | {"embedding_swap", "cycle_swap"}
    assert names(CycleGan(**SMALL)) == {"gan", "cycle", "identity"}
    assert names(CycleGan(**SMALL, terms=CycleGanTerms(identity=0, guess=1))) == {
        "gan",
        "cycle",
        "guess",
    }


def test_self_defence_adds_noise_before_the_way_back_only() -> None:
    model = CycleGan(**SMALL, terms=CycleGanTerms(noise=0.1))
    a, b = batch(count=16)
    seen: list[Tensor] = []
    model.into["a"].register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    passed = model.generator_losses(a, b, noise())
    assert torch.equal(seen[0], torch.cat([b, a]))
    added = seen[1] - passed.translations["b"]
    assert added.std().item() == pytest.approx(0.1, rel=0.05)


@pytest.mark.parametrize(
    "model", [rift(EVERY), CycleGan(**SMALL, terms=CycleGanTerms(noise=0.1, guess=1))]
)
def test_the_two_sides_train_their_own_parameters(model: CyclicTranslator) -> None:
    a, b = batch()
    passed = model.generator_losses(a, b, noise())
    losses = model.discriminator_losses(
        a, b, *({d: x.detach() for d, x in y.items()} for y in _shown(passed)), noise()
    )
    torch.stack(list(losses.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    torch.stack(list(passed.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert {id(p) for p in sides} == {id(p) for p in model.parameters()}
    assert len(sides) == len(list(model.parameters()))


def _shown(passed: GeneratorPass) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    return passed.translations, passed.reconstructions


@pytest.mark.parametrize("kind", [Rift, CycleGan])
def test_a_step_depends_on_its_generator_alone(kind: type[CyclicTranslator]) -> None:
    terms = EVERY if kind is Rift else CycleGanTerms(noise=0.1)
    found = []
    for stream in (3, 3, 4):
        torch.manual_seed(len(found))
        model = kind(**SMALL, terms=terms, seed=2)
        found.append(model.generator_losses(*batch(), noise(stream)).losses["cycle/a"].item())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("kind", [Rift, CycleGan, CopySource, CopyGuide])
def test_a_translator_comes_back_from_disk(kind: type[Rift], tmp_path: Path) -> None:
    model = kind(**SMALL, seed=3) if issubclass(kind, CyclicTranslator) else kind()
    save(model, tmp_path)
    found, (a, b) = load(kind, tmp_path), batch()
    assert torch.equal(found.translate(a, "a2b", b), model.translate(a, "a2b", b))


def test_the_trivial_rows() -> None:
    a, b = batch()
    assert torch.equal(CopySource().translate(a, "a2b", b), a)
    assert torch.equal(CopyGuide().translate(a, "a2b", b), b)


@pytest.mark.parametrize("model", [rift(), CycleGan(**SMALL), CopySource(), CopyGuide()])
def test_an_unknown_direction_is_refused(model: Rift) -> None:
    a, b = batch()
    with pytest.raises(InputError, match="direction"):
        model.translate(a, "a2a", b)  # type: ignore[arg-type]


@pytest.mark.parametrize("model", [rift(), CopyGuide()])
def test_a_missing_or_misfit_guide_is_refused(model: Rift) -> None:
    a, b = batch()
    for guide in (None, b[:2], b[..., :4]):
        with pytest.raises(InputError, match="guide"):
            model.translate(a, "a2b", guide)


def test_bytes_survive_the_way_to_floats_and_back() -> None:
    x = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_bytes(to_unit(x)), x)
    assert to_unit(x).min().item() == -1
    assert to_unit(x).max().item() == 1
    assert to_bytes(torch.tensor([-2.0, 2.0])).tolist() == [0, 255]


def test_whole_sets_are_translated_in_parts() -> None:
    a, b = (to_bytes(x) for x in batch(count=5))
    model = rift().train()
    whole = translate_bytes(model, a, "b2a", b)
    parts = translate_bytes(model, a, "b2a", b, batch_size=2)
    assert model.training
    assert whole.dtype == torch.uint8
    assert (whole.int() - parts.int()).abs().max() <= 1
    assert torch.equal(translate_bytes(CopyGuide(), a, "b2a", b, batch_size=2), b)
    with pytest.raises(InputError, match="guide"):
        translate_bytes(model, a, "b2a", b[:4])

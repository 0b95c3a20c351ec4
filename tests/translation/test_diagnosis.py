from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.stages import diagnosis as stage
from isthmus.translation.diagnosis import (
    cycle_errors,
    embedding_readings,
    embeddings,
    needed_bits,
    noisy_translations,
)
from isthmus.translation.rift import Rift, RiftTerms
from isthmus.translation.sets import SETS
from isthmus.translation.translator import Direction, Domain, Translator, translate_bytes
from isthmus.translation.trivial import CopyGuide, CopySource

SMALL = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1}
SETTINGS = {"epochs": 6, "patience": 3, "batch_size": 32, "learning_rate": 0.005, "pairs": 500}


class Faint(Translator):
    """Into B an image fades to the share c of itself; back it is restored."""

    def __init__(self, share: float) -> None:
        super().__init__()
        self.share = share

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        return x * self.share if direction == "a2b" else x / self.share


def images(n: int, seed: int = 0, side: int = 8) -> Tensor:
    source = torch.Generator().manual_seed(seed)
    return torch.randint(256, (n, 3, side, side), generator=source, dtype=torch.uint8)


def noise(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize(
    ("name", "into_a", "into_b"),
    [("3ds-a", 100, 120), ("3ds-b", 40, 150), ("3ds-c", 80, 40), ("synaction", 8, 9)],
)
def test_what_a_guide_has_to_say(name: str, into_a: int, into_b: int) -> None:
    table = SETS[name].load(size=16, train_size=500, test_size=50, seed=0)["train"]
    domain: Domain
    for side, domain, combinations in ((0, "a", into_a), (1, "b", into_b)):
        guides = table.take(np.flatnonzero(table.factors["domain"] == side))
        bits = needed_bits(SETS[name].roles, guides.factors, domain)
        assert bits == pytest.approx(math.log2(combinations))


@pytest.mark.parametrize("value", [0.0, 0.01, -0.5])
def test_constant_embeddings_have_a_known_power_and_bound(value: float) -> None:
    found = embedding_readings(torch.full((6, 1, 4, 4), value), 0.3)
    ratio = value**2 / 0.3**2
    assert found["mean_square"] == pytest.approx(value**2)
    assert found["mean_abs"] == pytest.approx(abs(value))
    assert found["bound_bits"] == pytest.approx(8 * math.log2(1 + ratio), rel=1e-5)
    assert found["theorem_bits"] == pytest.approx(16 * math.log2(1 + 16 * ratio), rel=1e-5)
    assert found["theorem_bits"] >= found["bound_bits"]


@pytest.mark.parametrize("share", [1.0, 0.1, 0.01])
def test_noise_breaks_a_cycle_the_more_the_fainter_its_signal(share: float) -> None:
    x = images(300)
    clean, noisy = cycle_errors(Faint(share), x, "a2b", x, 0.02, noise())
    assert clean == pytest.approx(0, abs=1e-6)
    assert noisy == pytest.approx(0.02 / share * math.sqrt(2 / math.pi), rel=0.02)


def test_a_cycle_returns_to_where_it_started_under_the_source_as_guide() -> None:
    x, guides = images(3, 1), images(3, 2)
    assert cycle_errors(CopyGuide(), x, "a2b", guides, 0.1, noise()) == (0, 0)
    clean, noisy = cycle_errors(CopySource(), x, "b2a", guides, 0.1, noise())
    assert clean == 0
    assert noisy == pytest.approx(0.1 * math.sqrt(2 / math.pi), rel=0.1)


@pytest.mark.parametrize("direction", ["a2b", "b2a"])
def test_translations_under_no_noise_are_the_translations(direction: Direction) -> None:
    model = Rift(**SMALL, terms=RiftTerms(image_noise=0, embedding_noise=0), seed=1).eval()
    sources, guides = images(5, 1), images(5, 2)
    found = noisy_translations(model, sources, direction, guides, noise())
    assert torch.equal(found, translate_bytes(model, sources, direction, guides))


def test_noise_enters_by_the_embedding() -> None:
    sources, guides = images(1, 1).repeat(20, 1, 1, 1), images(1, 2).repeat(20, 1, 1, 1)
    spread = []
    for sigma in (0.1, 3.0):
        terms = RiftTerms(image_noise=0, embedding_noise=sigma)
        model = Rift(**SMALL, terms=terms, seed=1).eval()
        spread.append(
            noisy_translations(model, sources, "a2b", guides, noise()).float().std(0).mean()
        )
    assert 0 < spread[0] < spread[1]


def test_embeddings_are_those_of_the_encoder() -> None:
    model = Rift(**SMALL, seed=1).eval()
    x = images(4)
    domain: Domain
    for domain in ("a", "b"):
        with torch.no_grad():
            expected = model.encode(x.float() / 127.5 - 1, domain)
        assert torch.allclose(embeddings(model, x, domain), expected, atol=1e-6)


def ways(translator: Translator) -> list[stage.Way]:
    """Both directions of 3DS-A at 16 pixels."""
    tables = SETS["3ds-a"].load(size=16, train_size=500, test_size=100, seed=0)
    train, test = (
        [table.take(np.flatnonzero(table.factors["domain"] == side)) for side in (0, 1)]
        for table in (tables["train"], tables["test"])
    )
    rng = np.random.default_rng(0)
    found = []
    for side, direction in enumerate(stage.DIRECTIONS):
        seen, unseen = (
            stage._pairs(part[side], part[1 - side], *rng.integers(count, size=(2, count)))
            for part, count in ((train, 500), (test, 100))
        )
        moved = translate_bytes(translator, unseen.sources, direction, unseen.guides)
        found.append(stage.Way(direction, seen, unseen, moved.numpy()))
    return found


def test_a_copy_of_the_source_tells_what_should_have_been_dropped() -> None:
    described, model = SETS["3ds-a"], CopySource()
    probes: dict[str, Any] = {}
    for way in ways(model):
        exact = described.decode(way.translated)
        probes[way.direction] = stage._probe(model, described, way, exact, SETTINGS, 0)
    into_b = probes["a2b"]
    assert set(into_b["kept"]) == {
        "source_object_hue",
        "source_shape",
        "guide_size",
        "guide_orientation",
    }
    assert set(into_b["dropped"]) == {
        "source_floor_hue",
        "source_wall_hue",
        "guide_object_hue",
        "guide_shape",
    }
    for way, duty, name in (
        ("a2b", "kept", "source_object_hue"),
        ("a2b", "dropped", "source_floor_hue"),
        ("a2b", "dropped", "source_wall_hue"),
    ):
        assert probes[way][duty][name]["accuracy"] > 0.8
        assert probes[way][duty][name]["visible"] == 1
    for name in ("guide_object_hue", "guide_shape"):
        reading = into_b["dropped"][name]
        assert abs(reading["accuracy"] - reading["chance"]) < 5 * max(reading["error"], 0.03)
    figures = stage.honesty(probes)
    assert figures["dropped_readable_worst"] > 0.8
    assert figures["kept_visible"] == pytest.approx(0.5, abs=0.1)
    assert figures["dropped_visible"] == pytest.approx(0.5, abs=0.1)


def test_readings_are_averaged_from_chance_over_both_directions() -> None:
    def reading(accuracy: float, visible: float) -> dict[str, float]:
        return {"accuracy": accuracy, "chance": 0.2, "visible": visible}

    probes = {
        "into_a": {"kept": {"x": reading(1, 1)}, "dropped": {"y": reading(0.6, 0.2)}},
        "into_b": {"kept": {"x": reading(0.6, 1)}, "dropped": {"y": reading(0.2, 0.2)}},
    }
    assert stage.honesty(probes) == pytest.approx(
        {
            "kept_readable": 0.75,
            "kept_visible": 1,
            "kept_readable_worst": 0.5,
            "dropped_readable": 0.25,
            "dropped_visible": 0,
            "dropped_readable_worst": 0.5,
        }
    )


def test_two_readers_agree_where_both_say_the_same() -> None:
    described, given = SETS["3ds-a"], ways(CopySource())
    exact = [described.decode(way.translated) for way in given]
    for codes, way in zip(exact, given, strict=True):
        np.testing.assert_array_equal(codes["shape"], way.unseen.source_codes["shape"])
    same = stage._scores(described, given, exact, exact)
    assert same["agreement"] == 100
    assert same["classified"] == same["accuracy"]
    other = [{**codes, "shape": (codes["shape"] + 1) % 4} for codes in exact]
    found = stage._scores(described, given, exact, other)
    assert found["agreement_shape"] == found["agreement_worst"] == 0
    assert found["agreement"] == pytest.approx(500 / 6)
    assert found["accuracy_shape"] == 100
    assert found["classified_shape"] == 0


def test_the_bits_of_a_toy_are_below_the_bound_where_the_guide_is_drowned() -> None:
    terms = RiftTerms(embedding_noise=1000.0, image_noise=0.0)
    model = Rift(**SMALL, terms=terms, seed=0).eval()
    found = stage._bits(model, SETS["3ds-a"], ways(model), SETTINGS, 0)
    for domain in "ab":
        assert found[f"bound_bits_into_{domain}"] < 0.01
        assert found[f"information_bits_into_{domain}"] < 0.3
    tightest = min(
        "ab", key=lambda d: found[f"bound_bits_into_{d}"] - found[f"information_bits_into_{d}"]
    )
    assert found["information_bits"] == found[f"information_bits_into_{tightest}"]
    assert found["needed_bits_into_a"] == pytest.approx(math.log2(100))

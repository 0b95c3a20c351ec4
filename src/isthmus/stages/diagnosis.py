"""Look into one translator of a set: is it honest, what can its embedding say, is its score right?

All of it concerns the first seed, whose networks are kept. Labels enter here, to judge; no training
of a translator sees them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from isthmus.attributes.factors import Codes, FactorClassifier
from isthmus.attributes.probes import Reading, Samples, above_chance, probe
from isthmus.data.pairs import image_domains
from isthmus.data.table import Table, read_table
from isthmus.job import Job, stage
from isthmus.metrics.correctness import Role
from isthmus.metrics.summary import summary
from isthmus.networks.randomness import generator
from isthmus.networks.storage import load
from isthmus.report.diagnosis import probe_bars
from isthmus.seeding import derive
from isthmus.translation.benchmark import build
from isthmus.translation.diagnosis import (
    cycle_errors,
    embedding_readings,
    embeddings,
    needed_bits,
    noisy_translations,
)
from isthmus.translation.rift import Rift
from isthmus.translation.sets import SETS, Set
from isthmus.translation.translator import (
    INTO,
    OTHER,
    Direction,
    LearnedTranslator,
    translate_bytes,
)

Images = npt.NDArray[np.uint8]
Rows = npt.NDArray[np.int64]
Settings = Mapping[str, Any]

DIRECTIONS: tuple[Direction, Direction] = ("a2b", "b2a")


class Pairs(NamedTuple):
    """Sources and guides, one a row: bytes `(n, 3, side, side)` and their factors."""

    sources: Tensor
    guides: Tensor
    source_codes: Codes
    guide_codes: Codes

    @property
    def codes(self) -> Codes:
        """All factors, those of the source under `source_...`, those of the guide `guide_...`."""
        sides = {"source": self.source_codes, "guide": self.guide_codes}
        return {f"{side}_{name}": c for side, codes in sides.items() for name, c in codes.items()}


class Way(NamedTuple):
    """One direction.

    Attributes:
        direction: "a2b" or "b2a".
        seen: Pairs of training images.
        unseen: Pairs of test images.
        translated: The translations of the unseen, uint8 `(n, 3, side, side)`.
    """

    direction: Direction
    seen: Pairs
    unseen: Pairs
    translated: Images


@stage(
    "seed",
    "threads",
    "translation",
    "translator.{translator}",
    "diagnosis",
    folder="runs/{scale}/diagnosis/{set}/{translator}",
)
def main(job: Job) -> None:
    """Look into one translator of a set."""
    name, settings = job.items["set"], job.config.value("diagnosis")
    described = SETS[name]
    ways = _ways(job, name, settings["pairs"])
    model = _model(job, name, ways[0].translated.shape[-1])
    job.input(f"classifiers/{name}/model.safetensors")
    classifier = load(FactorClassifier, job.input(f"classifiers/{name}/model.json").parent)

    exact = [described.decode(way.translated) for way in ways]
    read = [classifier.read(way.translated) for way in ways]
    probes = {
        f"into_{INTO[way.direction]}": _probe(model, described, way, codes, settings, job.seed)
        for way, codes in zip(ways, exact, strict=True)
    }
    figures = _scores(described, ways, exact, read)
    figures |= _cycles(model, ways, settings["noise"], job.seed) | honesty(probes)
    if isinstance(model, Rift) and model.terms.embedding_noise:
        figures |= _bits(model, described, ways, settings, job.seed)
    metrics = {key: summary([value]) for key, value in figures.items()}
    job.write_json("metrics.json", metrics | {"probes": probes})
    probe_bars(probes, job.output("probes.png"))


def honesty(probes: Mapping[str, Any]) -> dict[str, float]:
    """What is read beyond chance, and what the eye (the nearest rendered image) sees beyond it.

    Args:
        probes: By direction, `kept` or `dropped`, and factor: `accuracy`, `chance`, `visible`.

    Returns:
        Means over the factors of both directions, the most readable of what should have been
        dropped, and the least readable of what should have been kept.
    """
    beyond: dict[str, list[float]] = {}
    for duty in ("dropped", "kept"):
        every = [reading for way in probes.values() for reading in way[duty].values()]
        for kind, key in (("readable", "accuracy"), ("visible", "visible")):
            beyond[f"{duty}_{kind}"] = [above_chance(r[key], r["chance"]) for r in every]
    return {key: float(np.mean(values)) for key, values in beyond.items()} | {
        "dropped_readable_worst": max(beyond["dropped_readable"]),
        "kept_readable_worst": min(beyond["kept_readable"]),
    }


def _ways(job: Job, name: str, pairs: int) -> list[Way]:
    train = image_domains(job.input(f"scenes/{name}/train.parquet"))
    test = image_domains(job.input(f"scenes/{name}/test.parquet"))
    path = job.input(f"translate/{name}/{job.items['translator']}/translated.parquet")
    table = read_table(path, kind="images", factors=("member", "direction", "source", "guide"))
    table = table.take(table.factors["member"] == 0)
    ways = []
    for side, direction in enumerate(DIRECTIONS):
        mine = table.take(table.factors["direction"] == side)
        rng = np.random.default_rng(derive(job.seed, direction))
        drawn = (rng.integers(len(train[each]), size=pairs) for each in (side, 1 - side))
        ways.append(
            Way(
                direction,
                _pairs(train[side], train[1 - side], *drawn),
                _pairs(test[side], test[1 - side], mine.factors["source"], mine.factors["guide"]),
                _first(mine.values),
            )
        )
    return ways


def _pairs(sources: Table, guides: Table, source: Rows, guide: Rows) -> Pairs:
    a, b = sources.take(source), guides.take(guide)
    images, others = (torch.from_numpy(_first(table.values)) for table in (a, b))
    return Pairs(images, others, a.factors, b.factors)


def _first(images: Images) -> Images:
    """Channels first."""
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2))


def _model(job: Job, name: str, side: int) -> LearnedTranslator:
    """The first seed's translator; its terms are not stored, and come from the parameters."""
    method = job.items["translator"]
    described, _ = build(
        method,
        job.config.value("translation"),
        job.config.value(f"translator.{method}"),
        side=side,
        seed=0,
    )
    job.input(f"translate/{name}/{method}/model.safetensors")
    folder = job.input(f"translate/{name}/{method}/model.json").parent
    model = load(type(described), folder).eval()
    model.terms = described.terms
    return model


def _probe(
    model: LearnedTranslator, described: Set, way: Way, exact: Codes, settings: Settings, seed: int
) -> dict[str, dict[str, dict[str, float]]]:
    """What is read of each factor that varies, beside the share in which the eye sees it.

    A factor of the source is to be kept if it is shared, one of the guide if it is specific.
    """
    seen = translate_bytes(model, way.seen.sources, way.direction, way.seen.guides).numpy()
    into = INTO[way.direction]
    duties: dict[str, str] = {}
    for side, domain in (("source", OTHER[into]), ("guide", into)):
        for name, role in described.roles.items():
            if role in (Role.SHARED, Role[domain.upper()]):
                kept = (role is Role.SHARED) == (side == "source")
                duties[f"{side}_{name}"] = "kept" if kept else "dropped"
    readings = _readings(described, way, seen, way.translated, list(duties), settings, seed)
    found: dict[str, dict[str, dict[str, float]]] = {"kept": {}, "dropped": {}}
    for key, reading in readings.items():
        visible = (exact[key.split("_", 1)[1]] == way.unseen.codes[key]).mean()
        found[duties[key]][key] = asdict(reading) | {"visible": float(visible)}
    return found


def _readings(
    described: Set,
    way: Way,
    seen: Images,
    unseen: Images,
    keys: Sequence[str],
    settings: Settings,
    seed: int,
) -> dict[str, Reading]:
    return probe(
        Samples(seen, way.seen.codes),
        Samples(unseen, way.unseen.codes),
        {key: described.levels[key.split("_", 1)[1]] for key in keys},
        epochs=settings["epochs"],
        patience=settings["patience"],
        batch_size=settings["batch_size"],
        learning_rate=settings["learning_rate"],
        seed=derive(seed, way.direction),
    )


def _bits(
    model: Rift, described: Set, ways: Sequence[Way], settings: Settings, seed: int
) -> dict[str, float]:
    """What a guide says, by a probe of translations under the noise of training, and what it can.

    The factors of a guide are independent, so that what is read of them adds up. Without a
    direction in its name, a figure is of the one where the bound is tightest.
    """
    figures: dict[str, float] = {}
    slack = {}
    for way in ways:
        into = INTO[way.direction]
        noise = generator(seed, f"noise {way.direction}")
        seen, unseen = (
            noisy_translations(model, p.sources, way.direction, p.guides, noise).numpy()
            for p in (way.seen, way.unseen)
        )
        keys = [
            f"guide_{name}"
            for name, role in described.roles.items()
            if role in (Role.SHARED, Role[into.upper()])
        ]
        read = _readings(described, way, seen, unseen, keys, settings, seed)
        sent = embeddings(model, way.unseen.guides, into)
        found = embedding_readings(sent, model.terms.embedding_noise) | {
            "needed_bits": needed_bits(described.roles, way.seen.guide_codes, into),
            "information_bits": sum(reading.bits for reading in read.values()),
        }
        figures |= {f"{key}_into_{into}": value for key, value in found.items()}
        slack[into] = found["bound_bits"] - found["information_bits"]
    tightest = min(slack, key=slack.__getitem__)
    return figures | {
        key: figures[f"{key}_into_{tightest}"] for key in ("information_bits", "bound_bits")
    }


def _cycles(
    model: LearnedTranslator, ways: Sequence[Way], sigma: float, seed: int
) -> dict[str, float]:
    """Errors of the cycles that start in each domain, and the factor by which noise raises them."""
    figures: dict[str, float] = {}
    for way in ways:
        start, pairs = OTHER[INTO[way.direction]], way.unseen
        noise = generator(seed, f"cycle {way.direction}")
        clean, noisy = cycle_errors(model, pairs.sources, way.direction, pairs.guides, sigma, noise)
        figures[f"cycle_error_{start}"], figures[f"cycle_error_noisy_{start}"] = clean, noisy
        figures[f"noise_factor_{start}"] = noisy / clean
    worst = max(figures["noise_factor_a"], figures["noise_factor_b"])
    return figures | {"noise_factor": worst}


def _scores(
    described: Set, ways: Sequence[Way], exact: Sequence[Codes], read: Sequence[Codes]
) -> dict[str, float]:
    """Accuracy by exact decoding and by the classifier, and how often the two agree, in percent."""
    source, guide, decoded, classified = (
        np.concatenate([described.columns(codes) for codes in every])
        for every in (
            [way.unseen.source_codes for way in ways],
            [way.unseen.guide_codes for way in ways],
            exact,
            read,
        )
    )
    a2b = np.repeat([way.direction == "a2b" for way in ways], [len(way.translated) for way in ways])
    first = described.score(source, guide, decoded, a2b)
    second = described.score(source, guide, classified, a2b)
    agreement = 100 * (decoded == classified).mean(0)
    figures = {f"agreement_{n}": float(v) for n, v in zip(described.roles, agreement, strict=True)}
    return figures | {
        "agreement": float(agreement.mean()),
        "agreement_worst": float(agreement.min()),
        **{f"accuracy_{name}": first[name] for name in described.roles},
        **{f"classified_{name}": second[name] for name in described.roles},
        "accuracy": first["accuracy"],
        "classified": second["accuracy"],
    }


if __name__ == "__main__":
    main()

"""Images that are all alike, and domains of one image, train or are refused; nothing becomes NaN."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.config import load
from isthmus.errors import InputError
from isthmus.translation.benchmark import TRANSLATORS, assemble, build
from isthmus.translation.puppeteers import PUPPETEERS
from isthmus.translation.rift import Rift
from isthmus.translation.starganv2 import StarGanV2
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import LearnedTranslator, to_unit

SMOKE = load(Path(__file__).parents[2], "smoke")
SIDE, STEPS = 32, 2
CASES = pytest.mark.parametrize(
    ("a", "b", "count"),
    [(255, 255, 2), (0, None, 2), (None, None, 1), (255, 128, 1)],
    ids=["all white", "one side black", "one image", "one flat image"],
)


def images(level: int | None, *shape: int) -> Tensor:
    """All of one level, or random ones."""
    if level is not None:
        return torch.full((*shape, SIDE, SIDE), level, dtype=torch.uint8)
    source = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (*shape, SIDE, SIDE), generator=source).byte()


def shared(section: str, count: int, **networks: int) -> dict[str, Any]:
    found = SMOKE.value(section)
    training = {"steps": STEPS, "batch_size": count}
    return {
        "networks": found["networks"] | networks,
        "training": found["training"] | training,
    }


def made(name: str, count: int, **networks: int) -> tuple[LearnedTranslator, Training]:
    own = SMOKE.value(f"translator.{name}")
    return build(name, shared("translation", count, **networks), own, side=SIDE, seed=0)


@pytest.mark.parametrize(
    ("name", "groups"),
    [*((name, 4) for name in TRANSLATORS), ("guess-noise", 0), ("unit", 0), ("pix2pix", 0)],
)
@CASES
def test_translators_stay_finite(
    name: str, groups: int, a: int | None, b: int | None, count: int
) -> None:
    model, training = made(name, count, groups=groups)
    x, y = images(a, count, 3), images(b, count, 3)
    trainer = Trainer(model, x, y, training, seed=0)
    if count == 1 and isinstance(model, Rift | StarGanV2):
        with pytest.raises(InputError, match="use 2 or more, to roll the guides"):
            trainer.run()
        return
    trainer.run()
    averaged = trainer.averaged().eval()
    with torch.no_grad():
        for direction in ("a2b", "b2a"):
            assert averaged.translate(to_unit(x), direction, to_unit(y)).isfinite().all()


@pytest.mark.parametrize("name", PUPPETEERS)
@CASES
def test_puppeteers_stay_finite(name: str, a: int | None, b: int | None, count: int) -> None:
    x, triplets = images(a, count, 1), images(b, count, 3, 1)
    puppeteer = PUPPETEERS[name]
    own = SMOKE.value(f"puppeteer.{name}")
    shape = {"side": SIDE, "channels": 1}
    model, training = assemble(puppeteer.method, shared("puppetry", count), own, shape, seed=0)
    lesson = puppeteer.lesson(triplets, np.full((count, 3), 20.0))
    trainer = Trainer(model, x, lesson, training, seed=0)
    trainer.run()
    with torch.no_grad():
        moved = puppeteer.drive(trainer.averaged().eval(), to_unit(x), to_unit(triplets[:, 0]))
    assert moved.isfinite().all()


@pytest.mark.parametrize("name", ["guess-noise", "unit", "pix2pix"])
def test_a_domain_smaller_than_a_batch_is_refused(name: str) -> None:
    model, training = made(name, 2)
    with pytest.raises(InputError, match="at least 2 for one batch"):
        Trainer(model, images(None, 1, 3), images(None, 1, 3), training, seed=0)

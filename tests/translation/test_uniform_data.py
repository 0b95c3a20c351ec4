"""Images that are all alike, and domains of one image, train or are refused; nothing becomes NaN."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import Tensor

from isthmus.errors import InputError
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.pix2pix import Pix2Pix
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import LearnedTranslator
from isthmus.translation.unit import Unit

SIZES = {"width": 4, "discriminator_width": 4, "levels": 1}
BLOCKS = {**SIZES, "blocks": 1, "fold": 2}
GAME = {"learning_rate": 1e-3, "discriminator_learning_rate": 1e-3}
KINDS: Mapping[str, Callable[[int], LearnedTranslator]] = {
    "guess-noise": lambda groups: CycleGan(
        **BLOCKS, groups=groups, terms=CycleGanTerms(noise=0.1, guess=10.0)
    ),
    "unit": lambda groups: Unit(**BLOCKS, groups=groups, scales=1),
    "pix2pix": lambda groups: Pix2Pix(**SIZES, groups=groups, halvings=2, dropped=1),
}


def uniform(level: int, count: int) -> Tensor:
    return torch.full((count, 3, 16, 16), level, dtype=torch.uint8)


def random(count: int) -> Tensor:
    source = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, 3, 16, 16), generator=source).byte()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("groups", [0, 2])
@pytest.mark.parametrize(
    ("a", "b", "batch"),
    [
        (uniform(255, 4), uniform(255, 4), 2),
        (uniform(0, 4), random(4), 2),
        (random(1), random(1), 1),
        (uniform(255, 1), uniform(128, 1), 1),
    ],
    ids=["all white", "one side black", "one image", "one flat image"],
)
def test_it_trains_and_stays_finite(
    kind: str, groups: int, a: Tensor, b: Tensor, batch: int
) -> None:
    trainer = Trainer(KINDS[kind](groups), a, b, Training(4, batch, **GAME), seed=0)
    trainer.run()
    model = trainer.averaged().eval()
    with torch.no_grad():
        for direction in ("a2b", "b2a"):
            assert model.translate(a.float() / 127.5 - 1, direction).isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_domain_smaller_than_a_batch_is_refused(kind: str) -> None:
    with pytest.raises(InputError, match="at least 2 for one batch"):
        Trainer(KINDS[kind](2), random(1), random(1), Training(4, 2), seed=0)

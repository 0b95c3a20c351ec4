"""The benchmark: every adapter on a source and its targets, by one network and one training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from isthmus.adaptation.adapter import Adapter, train
from isthmus.adaptation.adversarial import Adda, Dann
from isthmus.adaptation.discrepancy import Mcd
from isthmus.adaptation.ensembling import SelfEnsembling
from isthmus.adaptation.moments import Coral, Dan, Dual, Jan, Lrmf
from isthmus.adaptation.network import Network
from isthmus.adaptation.open_set import Osbp
from isthmus.data.table import Table
from isthmus.data.visda import FACTOR
from isthmus.seeding import derive

ADAPTERS: Mapping[str, type[Adapter]] = {
    "source-only": Adapter,
    "coral": Coral,
    "dan": Dan,
    "jan": Jan,
    "dann": Dann,
    "adda": Adda,
    "mcd": Mcd,
    "self-ensembling": SelfEnsembling,
    "osbp": Osbp,
    "dual": Dual,
    "lrmf": Lrmf,
}
ORACLE = "oracle"
SOURCE_ONLY = "source-only"
SOURCE_TEST = "source_test"


@dataclass(frozen=True)
class Training:
    """The network and the training, the same for all adapters.

    Attributes:
        width: Channels of the first convolution, a multiple of 4.
        features: Number of features.
        steps: Number of steps.
        batch_size: Images of each domain in a step.
        learning_rate: Adam's step size at the start.
    """

    width: int
    features: int
    steps: int
    batch_size: int
    learning_rate: float


def adapt(
    name: str,
    source: Table,
    targets: Mapping[str, Table],
    source_test: Table,
    *,
    options: Mapping[str, Any],
    training: Training,
    seed: int,
) -> dict[str, Tensor]:
    """Train an adapter for each target, and classify that target by it.

    Of the targets' labels the oracle alone reads any: it is trained on one half of a target and
    classifies the other, in turn. "Source only" is trained once.

    Args:
        name: A key of `ADAPTERS`, or `ORACLE`.
        source: The labelled source, whose levels of `class` are the known classes.
        targets: By name each target.
        source_test: Held-out images of the source.
        options: Arguments of the adapter besides the network.
        training: The network and the training.
        seed: Of weights, batches, movements and halves.

    Returns:
        By target the logits `(n, classes)`, and those of `source_test` under its name, by the model
        adapted to the first target; the oracle has none.

    Raises:
        InputError: The training diverged.
    """
    images, labels = _images(source), _labels(source)
    known = len(source.levels[FACTOR])
    if name == ORACLE:
        return {key: _crossed(table, known, training, seed) for key, table in targets.items()}
    found: dict[str, Tensor] = {}
    model = None
    for key, table in targets.items():
        target = _images(table)
        if model is None or name != SOURCE_ONLY:
            model = _trained(name, images, labels, target, known, options, training, seed)
        found.setdefault(SOURCE_TEST, model.logits(_images(source_test)))
        found[key] = model.logits(target)
    return found


def _crossed(table: Table, known: int, training: Training, seed: int) -> Tensor:
    """Logits of each half of a target by the model that the other half trained."""
    images, labels = _images(table), _labels(table)
    order = np.random.default_rng(derive(seed, "halves")).permutation(len(table))
    halves = [torch.from_numpy(half) for half in np.array_split(order, 2)]
    logits = torch.empty(len(table), known)
    for mine, other in (halves, halves[::-1]):
        x, y = images[mine], labels[mine]
        logits[other] = _trained(SOURCE_ONLY, x, y, x, known, {}, training, seed).logits(
            images[other]
        )
    return logits


def _trained(
    name: str,
    source: Tensor,
    labels: Tensor,
    target: Tensor,
    known: int,
    options: Mapping[str, Any],
    training: Training,
    seed: int,
) -> Adapter:
    kind = ADAPTERS[name]
    _, channels, height, width = source.shape

    def build() -> Adapter:
        network = Network(
            (height, width, channels),
            known + kind.more_classes,
            width=training.width,
            size=training.features,
            seed=derive(seed, "weights"),
        )
        return kind(network, **options)

    return train(
        build,
        source,
        labels,
        target,
        steps=training.steps,
        batch_size=training.batch_size,
        learning_rate=training.learning_rate,
        seed=seed,
    )


def _images(table: Table) -> Tensor:
    return torch.from_numpy(table.images())


def _labels(table: Table) -> Tensor:
    return torch.tensor(table.factors[FACTOR])

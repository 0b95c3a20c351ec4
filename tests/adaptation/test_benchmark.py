"""Every adapter trains and predicts; the loop is the same for all; a toy gap is closed."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.adaptation.adapter import Adapter, Batch, train
from isthmus.adaptation.benchmark import ADAPTERS, ORACLE, Training, adapt
from isthmus.adaptation.ensembling import SelfEnsembling
from isthmus.adaptation.moments import Dan
from isthmus.adaptation.network import Network
from isthmus.config import load
from isthmus.data.table import Table
from isthmus.errors import InputError

OPTIONS = load(".").value("adaptation.settings")
TINY = Training(width=4, features=8, steps=4, batch_size=16, learning_rate=0.002)


def bars(count, *, contrast, seed):
    """Bright bars, upright (class 0) or level (class 1), on noise."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(2, size=count)
    images = rng.uniform(0, 0.2, (count, 8, 8))
    for image, label in zip(images, labels, strict=True):
        place = rng.integers(2, 6)
        (image.T if label else image)[:, place] = 1
    if contrast < 0:
        images = 1 - images
    values = np.rint(255 * images)[..., None].astype(np.uint8)
    return Table(
        kind="images",
        values=values,
        factors={"class": labels.astype(np.int64)},
        levels={"class": ("upright", "level")},
        source="bars",
    )


SOURCE, HELD_OUT = bars(80, contrast=1, seed=0), bars(40, contrast=1, seed=1)
TARGET = bars(50, contrast=-1, seed=2)


@pytest.mark.parametrize("name", [*ADAPTERS, ORACLE])
def test_every_adapter_classifies_every_target(name):
    targets = {"validation": TARGET, "test": HELD_OUT}
    found = adapt(name, SOURCE, targets, HELD_OUT, options=OPTIONS[name], training=TINY, seed=3)
    again = adapt(name, SOURCE, targets, HELD_OUT, options=OPTIONS[name], training=TINY, seed=3)
    classes = 3 if name == "osbp" else 2
    for key, table in targets.items():
        assert found[key].shape == (len(table), classes)
        assert found[key].isfinite().all()
        assert torch.equal(found[key], again[key])
    assert ("source_test" in found) == (name != ORACLE)


@pytest.mark.parametrize("name", [name for name in ADAPTERS if name != "source-only"])
def test_no_adapter_reads_the_labels_of_the_target(name):
    renamed = Table(
        kind="images",
        values=TARGET.values,
        factors={"class": 1 - TARGET.factors["class"]},
        levels=TARGET.levels,
        source="bars",
    )
    one, other = (
        adapt(name, SOURCE, {"t": table}, HELD_OUT, options=OPTIONS[name], training=TINY, seed=3)[
            "t"
        ]
        for table in (TARGET, renamed)
    )
    assert torch.equal(one, other)


def test_source_only_does_not_look_at_the_target():
    training = Training(width=4, features=8, steps=3, batch_size=16, learning_rate=0.002)
    one, other = (
        adapt("source-only", SOURCE, {"t": t}, HELD_OUT, options={}, training=training, seed=0)[
            "source_test"
        ]
        for t in (TARGET, HELD_OUT)
    )
    assert torch.equal(one, other)


def test_the_oracle_judges_no_image_that_it_was_trained_on():
    """Labels drawn by lot cannot be told on held-out images, and can be learnt by heart."""
    rng = np.random.default_rng(0)
    noise = Table(
        kind="images",
        values=rng.integers(0, 256, (400, 8, 8, 1)).astype(np.uint8),
        factors={"class": rng.integers(2, size=400)},
        levels={"class": ("a", "b")},
        source="noise",
    )
    training = Training(width=8, features=32, steps=150, batch_size=32, learning_rate=0.005)
    logits = adapt(ORACLE, SOURCE, {"t": noise}, SOURCE, options={}, training=training, seed=0)
    accuracy = (logits["t"].argmax(1).numpy() == noise.factors["class"]).mean()
    assert 0.35 < accuracy < 0.65


def test_a_network_learns_the_bars():
    training = Training(width=8, features=16, steps=200, batch_size=32, learning_rate=0.005)
    found = adapt(
        "source-only", SOURCE, {"t": TARGET}, HELD_OUT, options={}, training=training, seed=0
    )
    right = found["source_test"].argmax(1).numpy() == HELD_OUT.factors["class"]
    assert right.mean() > 0.9


def test_the_weights_of_a_distance_come_in_by_a_ramp():
    batch = Batch(*[torch.empty(0)] * 4, done=0.0)
    assert batch.ramp == 0
    assert 0.98 < batch._replace(done=0.5).ramp < batch._replace(done=1.0).ramp < 1


def test_a_step_at_the_start_is_that_of_source_only():
    network = Network((8, 8, 1), 2, width=4, size=8, seed=0).eval()
    images = torch.from_numpy(SOURCE.images()[:8])
    labels = torch.from_numpy(SOURCE.factors["class"][:8].copy())
    batch = Batch(images, labels, torch.from_numpy(TARGET.images()[:8]), images, done=0.0)
    plain, moved = Adapter(network), Dan(network, weight=5.0).eval()
    assert moved.loss(batch).item() == pytest.approx(plain.loss(batch).item(), abs=1e-6)


def test_the_teacher_is_the_average_of_the_student():
    options = OPTIONS["self-ensembling"] | {"decay": 0.75}
    adapter = SelfEnsembling(Network((8, 8, 1), 2, width=4, size=8, seed=0), **options)
    with torch.no_grad():
        for parameter in adapter.network.parameters():
            parameter.add_(1)
    adapter.after_step()
    pairs = zip(adapter.network.parameters(), adapter.teacher.parameters(), strict=True)
    for student, teacher in pairs:
        assert torch.allclose(student - teacher, torch.full_like(student, 0.75))
    assert not any(p.requires_grad for p in adapter.teacher.parameters())


def test_a_training_that_diverges_is_reported():
    class Broken(Adapter):
        def loss(self, batch):
            return super().loss(batch) * float("nan")

    images = torch.from_numpy(SOURCE.images())
    labels = torch.from_numpy(SOURCE.factors["class"].copy())
    with pytest.raises(InputError, match="diverged at step 0"):
        train(
            lambda: Broken(Network((8, 8, 1), 2, width=4, size=8, seed=0)),
            images,
            labels,
            images,
            steps=2,
            batch_size=8,
            learning_rate=0.1,
            seed=0,
        )

"""Audit classifiers by the stored translators: how they respond to a factor they never saw move.

On 3DS-A a classifier of shape and object colour is trained on domain A, where size and orientation
do not vary, and met with images into which translators put them; the renderer makes the true ones.
On the puppets the judge of the real images is driven along the attribute. First seed's translators.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isthmus.attributes.factors import FactorClassifier, train_factors
from isthmus.audit.meeting import Meeting, figures, true_images
from isthmus.audit.models import Classify
from isthmus.data.pairs import image_domains
from isthmus.data.table import Table, read_table
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.networks.storage import load
from isthmus.report.audit import Flip, flip_sheet, responses
from isthmus.seeding import derive
from isthmus.translation.puppet_tasks import TASKS
from isthmus.translation.puppeteers import PUPPETEERS, driven
from isthmus.translation.sets import SETS
from isthmus.translation.stored import stored
from isthmus.translation.translator import translate_bytes

Images = npt.NDArray[np.uint8]

SET = "3ds-a"
TRANSLATORS = ("rift", "munitx")
"""What is audited by on the set, where they were trained: the second mixes shared colours up."""

MOVED = ("size", "orientation")
"""Factors that domain A fixes and B varies; a level is a combination of both."""

LABELS = {"": "shape", "hue_": "object_hue"}
"""Labels of the classifiers, shared by both domains, and the prefix of their figures."""

PUPPETEERS_AUDITED = ("puppetgan", "cyclegan")


@stage(
    "seed",
    "threads",
    "sets",
    "translators",
    "puppet_tasks",
    "puppeteers",
    "sensitivity",
    folder="runs/{scale}/evaluate/sensitivity",
)
def main(job: Job) -> None:
    """Audit classifiers by the stored translators."""
    metrics: dict[str, Any] = {}
    reports: dict[str, Any] = {}
    names: dict[str, tuple[str, ...]] = {}
    shown: dict[str, list[Flip]] = {}
    for place, method, label, judges, meeting in (*_factors(job), *_puppets(job)):
        found = [meeting.report(judge) for judge in judges]
        prefix = next((p for p, name in LABELS.items() if name == label), "")
        numbers = [figures(each) for each in found]
        metrics.setdefault(place, {}).setdefault(method, {}).update(
            {
                f"{prefix}{key}": summary([each[key] for each in numbers])
                for key in numbers[0]
                if all(key in each for each in numbers)
            }
        )
        title = f"{place}, {label}\n{method}"
        reports[title.replace("\n", ", ")] = found[0]
        names[title] = meeting.names
        shown[title] = meeting.flips(judges[0])
    job.write_json("metrics.json", metrics)
    job.write_json("responses.json", reports)
    responses(dict(zip(names, reports.values(), strict=True)), names, job.output("figure.png"))
    flip_sheet(shown, job.output("flips.png"))


Found = Iterator[tuple[str, str, str, list[Classify], Meeting]]
"""Place, method, label, classifiers of it, and what they are met with."""


def _factors(job: Job) -> Found:
    """The classifiers of 3DS-A and the translators into B."""
    methods = [name for name in TRANSLATORS if name in job.config.translators]
    if SET not in job.config.sets or not methods:
        return
    settings = job.config.value("sensitivity")
    (train, _), (sources, guides) = (
        image_domains(job.input(f"scenes/{SET}/{name}.parquet")) for name in ("train", "test")
    )
    levels = {name: SETS[SET].levels[name] for name in LABELS.values()}
    classifiers = [
        train_factors(
            _first(train),
            train.factors,
            levels,
            steps=settings["steps"],
            batch_size=settings["batch_size"],
            learning_rate=settings["learning_rate"],
            seed=derive(job.seed, "classifier", str(index)),
        )[0]
        for index in range(settings["seeds"])
    ]
    rng = np.random.default_rng(derive(job.seed, "guides"))
    source = np.arange(len(sources)).repeat(settings["guides"])
    guide = rng.integers(len(guides), size=len(source))
    shape = tuple(SETS[SET].levels[name] for name in MOVED)
    level = np.ravel_multi_index([guides.factors[name][guide] for name in MOVED], shape)
    names = tuple(" ".join(each) for each in product(*(guides.levels[name] for name in MOVED)))
    originals, shown = (torch.from_numpy(_first(table)) for table in (sources, guides))
    true = true_images(
        SETS[SET], sources.factors, guides.factors, source, guide, originals.shape[-1]
    )
    for method in methods:
        job.input(f"translate/{SET}/{method}/model.safetensors")
        model = stored(job.input(f"translate/{SET}/{method}/model.json").parent)
        images = translate_bytes(model, originals[source], "a2b", shown[guide]).numpy()
        for label in LABELS.values():
            meeting = Meeting(
                originals.numpy(),
                sources.factors[label],
                images,
                true,
                sources.factors[label][source],
                source,
                level,
                names,
            )
            judges = [_reader(each, label) for each in classifiers]
            yield SET, method, label, judges, meeting


def _puppets(job: Job) -> Found:
    """The judges of the puppets' real images, driven along the attribute."""
    for name in map(str, job.config.puppet_tasks):
        task = TASKS[name]
        job.input(f"puppet_judge/{name}/model.safetensors")
        judge = load(FactorClassifier, job.input(f"puppet_judge/{name}/model.json").parent)
        reals, sequences = (
            read_table(job.input(f"puppets/{name}/{each}.parquet"), kind="images")
            for each in ("test", "sequences")
        )
        steps = len(sequences.levels["step"])
        flat = torch.from_numpy(_first(sequences))
        guides = flat.reshape(-1, steps, *flat.shape[1:])
        shape = (len(reals), len(guides), steps)
        source, _, level = np.indices(shape).reshape(3, -1)
        labels = reals.factors[task.audited]
        true, right = None, labels[source]
        if task.truth:
            at_step, codes = task.truth(reals, sequences)
            chosen = source * steps + level
            true = at_step.reshape(-1, *at_step.shape[2:])[chosen]
            right = codes[task.audited][chosen]
        for method in PUPPETEERS_AUDITED:
            if method not in job.config.puppeteers:
                continue
            job.input(f"puppetry/{name}/{method}/model.safetensors")
            model = stored(job.input(f"puppetry/{name}/{method}/model.json").parent)
            images = driven(
                model, PUPPETEERS[method].drive, torch.from_numpy(_first(reals)), guides
            )
            meeting = Meeting(
                _first(reals),
                labels,
                images.flatten(0, 2).numpy(),
                true,
                right,
                source,
                level,
                sequences.levels["step"],
            )
            yield name, method, task.audited, [_reader(judge, task.audited)], meeting


def _reader(classifier: FactorClassifier, label: str) -> Classify:
    return lambda images: classifier.read(images)[label]


def _first(table: Table) -> Images:
    """Channels first."""
    return np.ascontiguousarray(table.values.transpose(0, 3, 1, 2))


if __name__ == "__main__":
    main()

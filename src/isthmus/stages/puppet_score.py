"""Score all puppeteers of a task: what follows the guide, and what is kept of the real image."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from isthmus import record
from isthmus.attributes.factors import FactorClassifier
from isthmus.data.puppets import unstack
from isthmus.data.table import Table, read_table
from isthmus.job import Job, stage
from isthmus.metrics import puppets as measures
from isthmus.metrics.summary import summary
from isthmus.networks.storage import load
from isthmus.report.puppets import driven_rows, learning_curves
from isthmus.stages.rows import result_row
from isthmus.translation.puppet_tasks import TASKS, Task
from isthmus.translation.puppeteers import PUPPETEERS

Images = npt.NDArray[np.uint8]
Figures = dict[str, float]


class Scorer:
    """Scores outputs on the data of a task.

    Args:
        job: Where to read.
        prefix: `far_` for the data of the dagger row.
    """

    def __init__(self, job: Job, prefix: str) -> None:
        name = job.items["task"]
        self.task: Task = TASKS[name]
        job.input(f"puppet_judge/{name}/model.safetensors")
        self.judge = load(FactorClassifier, job.input(f"puppet_judge/{name}/model.json").parent)
        train, test, triplets, sequences = (
            read_table(job.input(f"puppets/{name}/{each}.parquet"), kind="images")
            for each in ("train", "test", f"{prefix}triplets", f"{prefix}sequences")
        )
        self.labels, self.reals = test.factors[self.task.label], _first(test)
        flat = _first(sequences)
        steps = len(sequences.levels["step"])
        self.guides = flat.reshape(-1, steps, *flat.shape[1:])
        self.scored = sequences.factors["scored"][:steps] == 1
        self._real = {each: self._measured(_first(train), each) for each in ("attribute", "rest")}
        self._synthetic = unstack(triplets).reshape(-1, *flat.shape[1:])

    def data(self) -> Figures:
        """How far real and synthetic images are apart in both measures; see `jensen_shannon`."""
        figures = {}
        for name, short in (("attribute", "attr"), ("rest", "rest")):
            pair = self._real[name], self._measured(self._synthetic, name)
            figures[f"j_{short}"] = measures.jensen_shannon(*pair)
            figures[f"jeffreys_{short}"] = measures.jeffreys(*pair)
        return figures

    def references(self) -> Figures:
        """How far the attribute of the guides is from that of the real images."""
        return {"divergence_from_real": self._divergence(self.guides)}

    def score(self, outputs: Images) -> Figures:
        """All figures of outputs `(r, s, t, c, side, side)`; r may be the first few real images.

        A correlation with what measures the same in all guides does not exist, and is left out.
        """
        scored = measures.score(
            outputs[:, :, self.scored],
            self.labels[: len(outputs)],
            self.guides[:, self.scored],
            classify=self.task.classify(self.judge),
            attribute=self.task.attribute(self.judge),
            rest=self.task.rest(self.judge),
        )
        attribute, asked, real = (
            self._measured(images.reshape(-1, *images.shape[-3:]), "attribute").reshape(
                images.shape[:-3]
            )
            for images in (outputs, self.guides, self.reals[: len(outputs)])
        )
        inside, outside = measures.response(attribute, asked, self.scored)
        own = np.broadcast_to(real[:, np.newaxis, np.newaxis], attribute.shape)
        found = {
            "accuracy": scored.accuracy.value,
            "accuracy_error": scored.accuracy.error,
            "r_attr": scored.r_attribute,
            "r_attr_sequence": scored.r_attribute_sequence,
            "r_rest": scored.r_rest,
            "r_rest_step": scored.r_rest_step,
            "v_rest": scored.v_rest,
            "control": scored.accuracy.value * scored.r_attribute,
            "r_real_attr": measures.correlation(attribute.ravel(), own.ravel()),
            "slope_inside": inside,
            "slope_outside": outside,
            "divergence_from_real": self._divergence(outputs),
        }
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def _divergence(self, images: Images) -> float:
        found = self._measured(images.reshape(-1, *images.shape[-3:]), "attribute")
        if found.min() == found.max():  # a point has nothing in common with a density
            return float(np.log(2))
        return measures.jensen_shannon(found, self._real["attribute"])

    def _measured(self, images: Images, name: str) -> npt.NDArray[np.float64]:
        reader = {"attribute": self.task.attribute, "rest": self.task.rest}[name]
        return measures.measured(images, reader(self.judge)).astype(np.float64)


@stage("seed", "threads", "puppeteers", folder="runs/{scale}/evaluate/puppetgan-{task}")
def main(job: Job) -> None:
    """Score all puppeteers of a task."""
    name = job.items["task"]
    scorers = {prefix: Scorer(job, prefix) for prefix in ("", "far_")}
    near = scorers[""]
    metrics: dict[str, Any] = {"references": _over_seeds([near.references()])}
    rows, shown, learning = [], {}, {}
    for method in map(str, job.config.puppeteers):
        scorer = scorers["far_" if PUPPETEERS[method].far else ""]
        folder = f"puppetry/{name}/{method}"
        outputs = _outputs(read_table(job.input(f"{folder}/driven.parquet"), kind="images"))
        found = [scorer.score(each) | scorer.data() for each in outputs]
        metrics[method] = _over_seeds(found)
        made_by = record.read(job.input(f"{folder}/record.json"))
        rows += [
            result_row(f"puppetgan-{name}", method, index, figures, made_by)
            for index, figures in enumerate(found)
        ]
        shown[method] = outputs[0], scorer.guides
        table = read_table(job.input(f"{folder}/snapshots.parquet"), kind="images")
        learning[method] = {
            step: _over_seeds([scorer.score(each) for each in members])
            for step, members in _passing(table)
        }
    job.write_json("metrics.json", metrics)
    job.write_json("rows.json", rows)
    job.write_json("learning.json", learning)
    driven_rows(near.reals, shown, job.output("figure.png"))
    learning_curves(learning, job.output("learning.png"))


def _passing(table: Table) -> Iterator[tuple[int, list[Images]]]:
    """By step the outputs of each seed on the way."""
    for code, step in enumerate(table.levels["stop"]):
        yield int(step), _outputs(table.take(table.factors["stop"] == code))


def _outputs(table: Table) -> list[Images]:
    """By seed the outputs `(r, s, t, c, side, side)`."""
    shape = [len(table.levels[axis]) for axis in ("member", "real", "sequence", "step")]
    return list(_first(table).reshape(*shape, *_first(table).shape[1:]))


def _first(table: Table) -> Images:
    """Channels first."""
    return np.ascontiguousarray(table.values.transpose(0, 3, 1, 2))


def _over_seeds(members: list[Figures]) -> dict[str, Any]:
    every = [key for key in members[0] if all(key in each for each in members)]
    return {key: summary([each[key] for each in members]) for key in every}


if __name__ == "__main__":
    main()

"""Put together what was measured on one rig, and time the methods side by side.

Times are in a file of their own that is no result to be reproduced byte by byte: `times.json`.
"""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import torch

from isthmus.data.views import Views, read_views
from isthmus.job import Job, stage
from isthmus.metrics.summary import summary
from isthmus.networks.storage import load
from isthmus.pose import trial
from isthmus.pose.learned import Optimiser, Variant, solve
from isthmus.pose.refinement import refine
from isthmus.pose.state import State
from isthmus.report.pose import error_by_cameras

ABLATED = "rig"
"""The rig that the ablations are made on."""


@stage("seed", "threads", "rig.{rig}", "pose", "ablations", folder="runs/{scale}/evaluate/{rig}")
def main(job: Job) -> None:
    """Put together what was measured on one rig."""
    rig = job.items["rig"]
    metrics = json.loads(job.input(f"pose/{rig}/metrics.json").read_text())
    if rig == ABLATED:
        for group in job.config.ablations:
            metrics |= json.loads(job.input(f"ablations/{group}/metrics.json").read_text())
    job.write_json("metrics.json", metrics)
    job.input(f"pose/{rig}/model.safetensors")
    model = load(Optimiser, job.input(f"pose/{rig}/model.json").parent)
    count = job.config.rig[rig].learned_views[-1]
    test = trial.first_cameras(read_views(job.input(f"views/{rig}/test.parquet")), count)
    few = test.take(range(job.config.pose.timed_frames))
    job.output("times.json", volatile=True).write_text(
        json.dumps(seconds(few, model, job.seed), indent=1, sort_keys=True) + "\n"
    )
    error_by_cameras(metrics, job.output("figure.png"))


def seconds(views: Views, model: Optimiser, seed: int) -> dict[str, Any]:
    """Processor seconds a frame of every method, one frame at a time, in this process.

    `metapose-s1` and `refinement` are their own work only; `metapose-s2` has S1 and S2 together as
    `seconds` and S2 alone as `solver_seconds`. What is given to all (heat-maps, monocular poses) is
    not counted. The first frame is done once before the clock counts, so that nothing is timed that
    happens once only.
    """
    taken: dict[str, list[float]] = {}
    for index in [0, *range(len(views))]:
        one = views.take([index])
        clock = [time.process_time()]
        begun = trial.start(one)
        clock.append(time.process_time())
        state, seen = State(*map(trial.single, begun)), trial.given(one, Variant())
        solve(model.stages, state, seen)
        clock.append(time.process_time())
        refine(begun, torch.from_numpy(one.mixtures))
        clock.append(time.process_time())
        if taken:
            trial.adjusted(one, trial.BUNDLES["anipose"], seed)
        clock.append(time.process_time())
        for name, spent in zip(("s1", "s2", "ir", "ba"), np.diff(clock), strict=True):
            taken.setdefault(name, []).append(float(spent))
    taken = {name: spent[1:] for name, spent in taken.items()}
    both = [a + b for a, b in zip(taken["s1"], taken["s2"], strict=True)]
    return {
        "metapose-s1": {"seconds": summary(taken["s1"])},
        "metapose-s2": {"seconds": summary(both), "solver_seconds": summary(taken["s2"])},
        "refinement": {"seconds": summary(taken["ir"])},
        "anipose": {"seconds": summary(taken["ba"])},
    }


if __name__ == "__main__":
    main()

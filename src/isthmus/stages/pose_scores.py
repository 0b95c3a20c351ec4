"""Put together what was measured on one rig, and time the methods side by side.

Times are in a file of their own that is no result to be reproduced byte by byte: `times.json`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

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
    few = test.take(slice(job.config.pose.timed_frames))
    job.output("times.json", volatile=True).write_text(
        json.dumps(seconds(few, model, job.seed), indent=1, sort_keys=True) + "\n"
    )
    error_by_cameras(metrics, job.output("figure.png"))


def seconds(views: Views, model: Optimiser, seed: int) -> dict[str, Any]:
    """Processor seconds a frame of every method, one frame at a time, in this process.

    `metapose-s1` and `refinement` are their own work only; `metapose-s2` has S1 and S2 together as
    `seconds` and S2 alone as `solver_seconds`. What is given to all (heat-maps, monocular poses) is
    not counted. The first frame of each is done twice and counted once, so that nothing is timed
    that happens once only.
    """
    taken: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], Any], first: bool) -> Any:
        if first:
            work()
        begun = time.process_time()
        done = work()
        taken.setdefault(name, []).append(time.process_time() - begun)
        return done

    for index in range(len(views)):
        one, first = views.take([index]), index == 0
        begun = timed("s1", lambda one=one: trial.start(one), first)
        maps, seen = torch.from_numpy(one.mixtures), trial.given(one, Variant())
        state = State(*map(trial.single, begun))
        timed("s2", lambda state=state, seen=seen: solve(model.stages, state, seen), first)
        timed("ir", lambda begun=begun, maps=maps: refine(begun, maps), first)
        timed("ba", lambda one=one: trial.adjusted(one, 0, "truth", True, seed), first)
    both = [a + b for a, b in zip(taken["s1"], taken["s2"], strict=True)]
    return {
        "metapose-s1": {"seconds": summary(taken["s1"])},
        "metapose-s2": {"seconds": summary(both), "solver_seconds": summary(taken["s2"])},
        "refinement": {"seconds": summary(taken["ir"])},
        "anipose": {"seconds": summary(taken["ba"])},
    }


if __name__ == "__main__":
    main()

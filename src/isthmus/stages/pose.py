"""Solve the frames of one rig by MetaPose and by its rivals, with several numbers of cameras."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from isthmus.data.views import Views, read_views
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves, summary
from isthmus.networks.storage import save
from isthmus.pose import trial
from isthmus.pose.average import average
from isthmus.pose.learned import Optimiser, Training, Variant
from isthmus.report.pose import skeletons
from isthmus.seeding import derive

Figures = dict[str, dict[str, Any]]


@stage("seed", "threads", "rig.{rig}", "pose", folder="runs/{scale}/pose/{rig}")
def main(job: Job) -> None:
    """Solve the frames of one rig."""
    rig = job.items["rig"]
    settings, numbers = job.config.value("pose"), job.config.value(f"rig.{rig}")
    train = read_views(job.input(f"views/{rig}/train.parquet"))
    test = read_views(job.input(f"views/{rig}/test.parquet"))
    metrics: Figures = {}
    for count in numbers["views"]:
        few = trial.first_cameras(test, count)
        for name, solved in _closed(few).items():
            note(metrics, name, count, [trial.errors(solved, few)])
        print(f"{count} cameras: S1 and refinement are done", flush=True)
    series = {}
    for count in numbers["learned_views"]:
        few = trial.first_cameras(test, count)
        part = few.take(np.linspace(0, len(few) - 1, settings["bundle_frames"]).astype(int))
        for name in settings["bundles"]:
            solved = trial.adjusted(part, trial.BUNDLES[name], job.seed)
            note(metrics, name, count, [trial.errors(solved, part, mirror=False)])
        print(f"{count} cameras: bundle adjustment is done", flush=True)
        found, chosen, lines = [], [], []
        for index in range(settings["seeds"]):
            seed = derive(job.seed, count, index)
            trained = trial.learn(
                trial.first_cameras(train, count), Variant(), Training(**settings["solver"]), seed
            )
            solved, oracle = trial.learned(trained, few, Variant())
            found.append(trial.errors(solved, few))
            chosen.append(trial.errors(oracle, few))
            lines.append(trained.curve)
            if index == 0:
                save(Optimiser.of(trained.stages), job.output("model.json").parent)
                shown = {"S1": trial.of_state(trial.start(few)).pose, "S1+S2": solved.pose}
        note(metrics, trial.S2, count, found)
        note(metrics, f"{trial.S2}-chosen-by-labels", count, chosen)
        series[f"likelihood_{count}"] = lines[0]
        print(f"{count} cameras: S2 is trained", flush=True)
    job.write_json("metrics.json", metrics)
    job.write_json("curves.json", curves(series))
    skeletons(shown, few, job.output("skeletons.png"))


def note(metrics: Figures, method: str, count: int, errors: list[trial.Errors]) -> None:
    """Put a method's errors with a number of cameras among the metrics, `pmpjpe_4` and so on."""
    into = metrics.setdefault(method, {})
    for key in errors[0]:
        into[f"{key}_{count}"] = summary([each[key] for each in errors])


def _closed(views: Views) -> Mapping[str, trial.Solved]:
    """S1, with both averages, and the refinements."""
    others = average(trial.monocular_poses(views), "others").state
    return {
        "metapose-s1": trial.of_state(trial.start(views)),
        "metapose-s1-others": trial.of_state(others),
        **trial.refinements(views),
    }


if __name__ == "__main__":
    main()

"""Train a group of ablations of S2 on the rig `rig`, all with the settings of S2 itself."""

from __future__ import annotations

from isthmus.data.views import read_views
from isthmus.job import Job, stage
from isthmus.pose import trial
from isthmus.pose.learned import Training
from isthmus.seeding import derive
from isthmus.stages.pose import Figures, note


@stage(
    "seed",
    "threads",
    "rig.rig",
    "pose",
    "ablations.{ablation}",
    folder="runs/{scale}/ablations/{ablation}",
)
def main(job: Job) -> None:
    """Train a group of ablations of S2."""
    settings, count = job.config.value("pose"), job.config.rig["rig"].learned_views[-1]
    train = trial.first_cameras(read_views(job.input("views/rig/train.parquet")), count)
    test = trial.first_cameras(read_views(job.input("views/rig/test.parquet")), count)
    mixed = trial.shuffled(test, derive(job.seed, "order"))
    metrics: Figures = {}
    for name in job.config.ablations[job.items["ablation"]]:
        variant = trial.ABLATIONS[name]
        judged = mixed if variant.flat else test
        errors = []
        for index in range(settings["seeds"]):
            seed = derive(job.seed, name, index)
            trained = trial.learn(train, variant, Training(**settings["solver"]), seed)
            solved, _ = trial.learned(trained, judged, variant)
            errors.append(trial.errors(solved, judged))
        note(metrics, f"{trial.S2}-{name}", count, errors)
        print(f"{name}: PMPJPE {errors[0]['pmpjpe']:.1f} mm", flush=True)
    job.write_json("metrics.json", metrics)


if __name__ == "__main__":
    main()

"""Make the multi-view frames of one rig."""

from __future__ import annotations

from isthmus.data.view_noise import rig
from isthmus.data.views import write_views
from isthmus.job import Job, stage
from isthmus.report.pose import views_sheet


@stage("seed", "threads", "rig.{rig}", folder="runs/{scale}/views/{rig}")
def main(job: Job) -> None:
    """Make the multi-view frames of one rig."""
    name = job.items["rig"]
    settings = job.config.value(f"rig.{name}")
    for split in ("train", "test"):
        count = settings[f"{split}_size"]
        views = rig(name, count, test=split == "test", seed=job.seed)
        write_views(views, job.output(f"{split}.parquet"))
    views_sheet(views, job.output("sheet.png"))


if __name__ == "__main__":
    main()

"""The commands for the user's own views of bodies."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from isthmus.errors import InputError


def pose(
    observations: Annotated[
        Path, typer.Argument(help="a row a view: frame, camera, keypoints; see docs/metapose.md")
    ],
    out: Annotated[Path, typer.Option(help="where the poses go, .parquet")],
    method: Annotated[str, typer.Option(help="s1, ir, s2 or ba")] = "ir",
    model: Annotated[
        Path | None, typer.Option(help="folder of a trained s2; otherwise it is trained here")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Solve 3-D poses and cameras from what several cameras saw at once; also writes a picture."""
    from rich.progress import Progress

    from isthmus.data.files import refuse_inputs
    from isthmus.data.views import read_views
    from isthmus.networks.storage import load
    from isthmus.pose.learned import Optimiser
    from isthmus.pose.lifter import STEPS
    from isthmus.pose.solutions import METHODS, against_truth, solve, write_solutions
    from isthmus.report.pose import solutions_sheet

    chosen = next((name for name in METHODS if name == method), None)
    if chosen is None:
        raise InputError("--method", f"there is no {method!r}", mend=f"use {', '.join(METHODS)}")
    if out.suffix != ".parquet":
        raise InputError(out, "unknown kind of file", mend="let its name end in .parquet")
    refuse_inputs(out, observations)
    if model is not None and method != "s2":
        raise InputError("--model", f"{method} takes none", mend="leave it out, or use s2")
    stages = None if model is None else load(Optimiser, model).stages
    views = read_views(observations)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("poses of single views", total=STEPS, visible=False)

        def on_step(step: int, loss: float) -> None:
            progress.update(task, completed=step + 1, visible=True)

        solved = solve(views, chosen, stages=stages, seed=seed, on_step=on_step)
    write_solutions(solved, views, out)
    good = [index for index, doubt in enumerate(solved.doubts) if not doubt]
    shown = (good or list(range(len(views))))[:: max(1, len(good) // 4)][:4]
    picture = out.with_suffix(".png")
    solutions_sheet(
        solved.poses[shown],
        solved.rotations[shown],
        views.cameras,
        [str(views.frames[index]) for index in shown],
        picture,
    )
    for note in solved.notes:
        typer.echo(note)
    typer.echo(
        f"{len(views)} frames in {out}, {len(views) - len(good)} doubtful; picture in {picture}"
    )
    for line in against_truth(solved, views):
        typer.echo(line)


def convert(
    kind: Annotated[
        Literal["h36m", "h36m-records", "skipose", "motion-clips"],
        typer.Argument(help="what the input is"),
    ],
    out: Annotated[Path, typer.Option(help="table for isthmus pose, .parquet")],
    source: Annotated[
        list[Path] | None,
        typer.Argument(
            help="subjects' folders of Human3.6M, MetaPose's records of one split, one labels.h5, or "
            "a folder of motion clips, by default pybullet's"
        ),
    ] = None,
    unit: Annotated[
        Literal["mm", "m"], typer.Option(help="of the records' poses and camera centres")
    ] = "mm",
    every: Annotated[
        int | None, typer.Option(help="one frame in so many; 16 of h36m, 3 of motion-clips")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="of what is seen of motion-clips")] = 0,
) -> None:
    """Turn your own copy of Human3.6M, MetaPose's records, Ski-PosePTZ or clips into a table."""
    from isthmus.data import h36m, motion_clips
    from isthmus.data.files import refuse_inputs
    from isthmus.data.pose_sources import h36m_records, skipose
    from isthmus.data.view_noise import filmed
    from isthmus.data.views import write_views

    if out.suffix != ".parquet":
        raise InputError(out, "unknown kind of file", mend="let its name end in .parquet")
    paths = source or []
    refuse_inputs(out, *paths)
    if kind in ("skipose", "motion-clips") and len(paths) > 1:
        raise InputError(paths[1], "is one too many", mend=f"give one for {kind}")
    if not paths and kind != "motion-clips":
        raise InputError("SOURCE", "nothing to convert", mend=f"name the files of {kind}")
    match kind:
        case "h36m-records":
            views = h36m_records(paths, unit=unit)
        case "h36m":
            views = h36m.h36m(paths, every=h36m.EVERY if every is None else every)
        case "skipose":
            views = skipose(paths[0])
        case "motion-clips":
            step = motion_clips.EVERY if every is None else every
            clips = motion_clips.load(paths[0] if paths else None, every=step)
            views = filmed(clips, seed=seed)
    write_views(views, out)
    typer.echo(f"{len(views)} frames of {len(views.cameras)} cameras in {out}")

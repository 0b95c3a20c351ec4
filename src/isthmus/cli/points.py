"""The commands for the user's own points."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console


def align(
    method: Annotated[
        str, typer.Argument(help="a name, such as lrmf-realnvp; any other lists all")
    ],
    a: Annotated[Path, typer.Argument(help="points that move: .parquet, .csv or .npy")],
    b: Annotated[Path, typer.Argument(help="points that stay")],
    out: Annotated[Path, typer.Option(help="where T(A) goes, as its suffix says")],
    steps: Annotated[int | None, typer.Option(min=1, help="steps of each training")] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Move the points A onto the points B; writes T(A) and a picture, prints the certificate."""
    from rich.progress import Progress
    from torch import Tensor

    from isthmus.alignment import aligners
    from isthmus.data.files import refuse_inputs
    from isthmus.data.points import check_suffix, read_points, write_points
    from isthmus.report.figures import before_and_after

    check_suffix(out)
    refuse_inputs(out, a, b)
    aligner = aligners.find(method)
    points_a, columns = read_points(a)
    points_b, _ = read_points(b)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        total = (steps or aligner.steps) * aligner.trainings if aligner.steps else None
        task = progress.add_task(method, total=total)

        def on_step(step: int, loss: Tensor) -> None:
            progress.update(task, advance=1, description=f"{method}, loss {loss.mean():.4g}")

        found = aligners.align(method, points_a, points_b, steps=steps, seed=seed, on_step=on_step)
    write_points(found.points, out, columns)
    picture = out.with_suffix(".png")
    before_and_after(points_a, found.points, points_b, picture)
    if found.stopped:
        typer.echo("training met a loss that is not finite: this is its last good state", err=True)
    if found.certificate is not None:
        typer.echo(str(found.certificate))
    else:
        typer.echo(f"{method} gives no certificate; look at the picture")
    typer.echo(f"{len(found.points)} points in {out}, picture in {picture}")
    raise typer.Exit(1 if found.stopped else 0)


def distance(
    method: Annotated[str, typer.Argument(help="a name, such as mmd; any other lists all")],
    a: Annotated[Path, typer.Argument(help="points of A: .parquet, .csv or .npy")],
    b: Annotated[Path, typer.Argument(help="points of B")],
    picture: Annotated[Path, typer.Option(help="where the picture goes")] = Path("distance.png"),
    splits: Annotated[int, typer.Option(min=0, help="random splits that show the noise")] = 20,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Print how far the points A are from the points B, and how far mere noise would be."""
    from rich.progress import track as tracked

    from isthmus.alignment.measures import measure
    from isthmus.data.points import read_points
    from isthmus.report.figures import against_noise

    (points_a, _), (points_b, _) = read_points(a), read_points(b)
    steps = iter(tracked(range(splits), method, console=Console(stderr=True), transient=True))
    found = measure(
        method, points_a, points_b, splits=splits, seed=seed, on_split=lambda: next(steps)
    )
    typer.echo(str(found))
    against_noise(points_a, points_b, found.value, found.noise, found.measure.unit, picture)
    typer.echo(f"picture in {picture}")

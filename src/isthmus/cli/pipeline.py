"""The commands of the pipeline: what ran, what came of it, and what would run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from isthmus import config as configuration
from isthmus.config.switching import switch
from isthmus.errors import InputError

ROOT = Path()
Scale = Annotated[str | None, typer.Option(help="scale; by default the one of params.yaml")]


def scorecard(
    scale: Scale = None,
    json: Annotated[bool, typer.Option("--json", help="print scorecard.json")] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="list the claims not measured as well")
    ] = False,
) -> None:
    """Print every claim of the talk, the published figure, ours, and the verdict."""
    from isthmus.report import scorecard as cards
    from isthmus.report.claims import load_claims

    name = configuration.load(ROOT, scale).scale
    entries = cards.scorecard(load_claims(ROOT / "claims.yaml"), name, ROOT)
    if json:
        typer.echo(cards.to_json(entries), nl=False)
    else:
        cards.render(entries, console=Console(), everything=everything)


def ui(scale: Scale = None, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Sync the runs into MLflow and serve its user interface."""
    from isthmus.tracking.ui import serve

    serve(ROOT, configuration.load(ROOT, scale), host=host, port=port)


def track(scale: Scale = None) -> None:
    """Sync the runs into MLflow."""
    from isthmus.tracking.sync import sync

    result = sync(ROOT, configuration.load(ROOT, scale))
    typer.echo(str(result))
    if result.reason:
        raise typer.Exit(1)


def plan(
    target: Annotated[
        str | None, typer.Argument(help="a claim's id, a file, or a stage; all if not given")
    ] = None,
) -> None:
    """Print, without running, which stages make a table, a figure or a claim's number."""
    from isthmus.plan import plan as make

    steps = make(ROOT, configuration.load(ROOT), target)
    for step in steps:
        cost = "never ran here"
        if step.seconds is not None:
            cost = f"{step.seconds:.1f} s, {step.memory:.0f} MiB last time"
        typer.echo(f"{step.key}  (seed {step.seed}; {cost})")
        typer.echo(f"  {step.command}")
        names = ", ".join(f"{name}={value}" for name, value in step.parameters.items())
        typer.echo(f"  parameters: {names}")
        for file in step.files:
            typer.echo(f"  writes {file}")
    known = [step.seconds for step in steps if step.seconds is not None]
    typer.echo(f"{len(steps)} stages, {sum(known):.0f} s of work known for {len(known)} of them")


def explain(stage: str, scale: Scale = None) -> None:
    """Say why a stage instance, such as lrmf@moons-realnvp, would or would not run again."""
    from isthmus.record import survey

    config = configuration.load(ROOT, scale)
    states = survey(ROOT, config)
    chosen = {k: s for k, s in states.items() if k == stage or k.split("@")[0] == stage}
    if not chosen:
        known = ", ".join(sorted(states)) or "none: nothing has run yet"
        problem = f"no such stage has run at {config.scale}"
        raise InputError(stage, problem, mend=f"name another --scale; known here are {known}")
    for key, state in chosen.items():
        typer.echo(f"{key}: {'would run again' if state.reasons else 'is current'}")
        for reason in state.reasons:
            typer.echo(f"  {reason}")


def handover(scale: Scale = None) -> None:
    """Write the stages whose records hold into dvc.lock (a Snakemake run does it at its end)."""
    from isthmus.handover import to_dvc

    typer.echo(to_dvc(configuration.load(ROOT, scale), ROOT))


def publish(
    scale: Scale = None,
    part: Annotated[
        bool, typer.Option("--part", help="replace only what this part of the pipeline measured")
    ] = False,
) -> None:
    """Copy the scorecard and the figures of the last run to published/, which git keeps."""
    from isthmus.report.published import publish as copy

    typer.echo(f"copied to {copy(ROOT, configuration.load(ROOT, scale).scale, part=part)}")


def compare(
    scale: Scale = None,
    tolerance: Annotated[float, typer.Option(help="relative to the figure or to 1")] = 0.05,
) -> None:
    """Compare the last run with the published one; exit code 1 where they differ."""
    from isthmus.report.published import differences

    found = differences(ROOT, configuration.load(ROOT, scale).scale, tolerance)
    for line in found:
        typer.echo(line)
    typer.echo(f"{len(found)} differences beyond {tolerance}")
    raise typer.Exit(1 if found else 0)


def scale(name: str) -> None:
    """Switch params.yaml to another scale, for `dvc repro`; `quick` switches back."""
    switch(ROOT, name)
    typer.echo(f"params.yaml is at scale {name}")

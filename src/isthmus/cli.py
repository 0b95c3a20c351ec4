"""The command `isthmus`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console

from isthmus import config as configuration
from isthmus.config.switching import switch
from isthmus.errors import InputError

ROOT = Path()
Scale = Annotated[str | None, typer.Option(help="scale; by default the one of params.yaml")]

typer_app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)


@typer_app.command()
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


@typer_app.command()
def ui(scale: Scale = None, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Sync the runs into MLflow and serve its user interface."""
    from isthmus.tracking import serve

    serve(ROOT, configuration.load(ROOT, scale), host=host, port=port)


@typer_app.command()
def track(scale: Scale = None) -> None:
    """Sync the runs into MLflow."""
    from isthmus.tracking import sync

    result = sync(ROOT, configuration.load(ROOT, scale))
    typer.echo(str(result))
    if result.reason:
        raise typer.Exit(1)


@typer_app.command()
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


@typer_app.command()
def explain(stage: str, scale: Scale = None) -> None:
    """Say why a stage instance, such as lrmf@moons-realnvp, would or would not run again."""
    from isthmus.record import survey

    states = survey(ROOT, configuration.load(ROOT, scale))
    chosen = {k: s for k, s in states.items() if k == stage or k.split("@")[0] == stage}
    if not chosen:
        known = ", ".join(sorted(states)) or "none: nothing has run yet"
        raise InputError(stage, "no such stage has run", mend=f"known are {known}")
    for key, state in chosen.items():
        typer.echo(f"{key}: {'would run again' if state.reasons else 'is current'}")
        for reason in state.reasons:
            typer.echo(f"  {reason}")


@typer_app.command()
def handover(scale: Scale = None) -> None:
    """Write the stages whose records hold into dvc.lock (a Snakemake run does it at its end)."""
    from isthmus.handover import to_dvc

    typer.echo(to_dvc(configuration.load(ROOT, scale), ROOT))


@typer_app.command()
def publish(
    scale: Scale = None,
    part: Annotated[
        bool, typer.Option("--part", help="replace only what this part of the pipeline measured")
    ] = False,
) -> None:
    """Copy the scorecard and the figures of the last run to published/, which git keeps."""
    from isthmus.report.published import publish as copy

    typer.echo(f"copied to {copy(ROOT, configuration.load(ROOT, scale).scale, part=part)}")


@typer_app.command()
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


@typer_app.command()
def scale(name: str) -> None:
    """Switch params.yaml to another scale, for `dvc repro`; `quick` switches back."""
    switch(ROOT, name)
    typer.echo(f"params.yaml is at scale {name}")


@typer_app.command()
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
    from isthmus.data.points import check_suffix, read_points, write_points
    from isthmus.report.figures import before_and_after

    check_suffix(out)
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


@typer_app.command()
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


@typer_app.command()
def score(
    dataset: Annotated[
        str, typer.Option(help="shapes3d-a, shapes3d-b, shapes3d-c, synaction or celeba")
    ],
    original: Annotated[Path, typer.Option(help="attributes of the originals")],
    translated: Annotated[Path, typer.Option(help="attributes of the translations")],
    json: Annotated[bool, typer.Option("--json", help="print every number as JSON")] = False,
    definition: Annotated[
        bool, typer.Option("--definition", help="average by definition, not as released")
    ] = False,
) -> None:
    """Score translations from the attributes of their images, one line an image."""
    import json as codec

    from isthmus.metrics.score_files import score as compute

    found = compute(dataset, original, translated, released=not definition)
    if json:
        typer.echo(codec.dumps(found, indent=1, sort_keys=True))
        return
    for name, value in found.items():
        if name != "per_attribute":
            typer.echo(f"{name.replace('_', ' '):28s} {'-' if value is None else f'{value:.3f}'}")
    for name, figures in found["per_attribute"].items():
        parts = [
            f"{measure.replace('_', ' ')} {each['all']['value']:.3f} ({each['all']['pairs']} pairs)"
            for measure, each in figures.items()
            if measure != "role" and each["all"]["value"] is not None
        ]
        typer.echo(f"{name} ({figures['role']}): {', '.join(parts)}")


audit_app = typer.Typer(no_args_is_help=True, help="Look into a model of your own.")
typer_app.add_typer(audit_app, name="audit")


@audit_app.command()
def honesty(
    model: Annotated[Path, typer.Argument(help="folder with model.json and model.safetensors")],
    data: Annotated[
        Path,
        typer.Argument(
            help="Parquet with the factor domain, a folder of A | B pairs, or one of GTA V"
        ),
    ],
    known: Annotated[
        str | None, typer.Option("--set", help="scenes, colour-digits or stick-figures")
    ] = None,
    palette: Annotated[
        str, typer.Option(help="colours that B consists of, such as '#000000 #ffffff'")
    ] = "",
    size: Annotated[int, typer.Option(help="side that images of a folder are brought to")] = 32,
    images: Annotated[int, typer.Option(min=20, help="images of A to take")] = 500,
    steps: Annotated[int, typer.Option(min=1, help="training length of each probe")] = 300,
    seed: Annotated[int, typer.Option(min=0)] = 0,
    out: Annotated[Path, typer.Option(help="folder of audit.json and the pictures")] = Path(
        "audit"
    ),
) -> None:
    """Print what a translator hides in the cycle A to B to A; A is the domain that holds more."""
    import json

    from isthmus.data.folders import made_folder
    from isthmus.report.honesty import cycles_sheet, honesty_curves, in_words
    from isthmus.translation.auditing import inspect

    made_folder(out)
    found = inspect(
        model,
        data,
        known=known,
        palette=palette.split(),
        size=size,
        most=images,
        steps=steps,
        seed=seed,
    )
    for line in in_words(found.audit.figures, found.quantised_to):
        typer.echo(line)
    text = {
        "model": found.model,
        "images": found.images,
        "quantised_to": found.quantised_to,
        "seed": seed,
        **found.audit._asdict(),
    }
    (out / "audit.json").write_text(json.dumps(text, indent=1) + "\n")
    honesty_curves({found.model: [found.audit]}, out / "curves.png")
    cycles_sheet({found.model: found.pictures}, out / "cycles.png")
    typer.echo(f"{found.model}, {found.images} images; numbers and pictures in {out}")


@typer_app.command()
def translate(
    model: Annotated[
        str, typer.Option(help="folder with model.json, or the end of it in runs/: 3ds-a/rift")
    ],
    input: Annotated[Path, typer.Option(help="folder of image files of any size")],
    out: Annotated[Path, typer.Option(help="folder for the translations and a contact sheet")],
    guide: Annotated[
        Path | None, typer.Option(help="image of the target domain, or a folder of them")
    ] = None,
    direction: Annotated[Literal["a2b", "b2a"], typer.Option()] = "a2b",
    size: Annotated[
        int | None, typer.Option(min=8, help="side in pixels; by default that of the training")
    ] = None,
) -> None:
    """Translate a folder of images; exit code 1 where unreadable files were skipped."""
    from rich.progress import Progress

    from isthmus.translation.folders import translate_folder

    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(f"{direction}, {input}", total=None)
        found = translate_folder(
            model,
            input,
            out,
            guide=guide,
            direction=direction,
            size=size,
            on_image=lambda done, of: progress.update(task, completed=done, total=of),
        )
    for error in found.skipped:
        typer.echo(f"skipped {error}", err=True)
    typer.echo(f"{len(found.written)} translations in {out}, contact sheet {found.sheet}")
    raise typer.Exit(1 if found.skipped else 0)


@audit_app.command()
def sensitivity(
    model: Annotated[
        str, typer.Option(help="classifier: a TorchScript file, module:function, or an MLflow URI")
    ],
    translator: Annotated[Path, typer.Option(help="folder of a stored translator")],
    originals: Annotated[Path, typer.Option(help="table of images of A (.parquet)")],
    guides: Annotated[Path, typer.Option(help="table of guides")],
    factor: Annotated[str, typer.Option(help="factor of the guides that is moved")],
    label: Annotated[str, typer.Option(help="factor of the originals that the classifier tells")],
    out: Annotated[Path, typer.Option(help="folder for the report")],
    each: Annotated[int, typer.Option(min=1, help="guides for each original and value")] = 1,
    rendered: Annotated[
        str | None,
        typer.Option(help="rendered set of both tables, for the truth, such as 3ds-a; or mouth"),
    ] = None,
    drive: Annotated[
        str | None, typer.Option(help="puppeteer to use it as; by default as its record says")
    ] = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """How a classifier responds to one factor: accuracy and flips along it, with intervals."""
    import json

    from isthmus.audit.meeting import figures
    from isthmus.audit.models import classifier
    from isthmus.audit.tables import meet
    from isthmus.data.folders import made_folder
    from isthmus.report.audit import flip_sheet, printed, responses
    from isthmus.translation.stored import as_used

    sys.path.insert(0, str(ROOT))
    made_folder(out)
    classify = classifier(model)
    meeting = meet(
        as_used(translator, drive),
        originals,
        guides,
        factor=factor,
        label=label,
        each=each,
        rendered=rendered,
        seed=seed,
    )
    found = meeting.report(classify)
    numbers = {"factor": factor, "levels": meeting.names, "figures": figures(found), **found}
    (out / "report.json").write_text(json.dumps(numbers, indent=1) + "\n")
    title = f"{label} by {factor}"
    responses({title: found}, {title: meeting.names}, out / "responses.png")
    flip_sheet({"flips": meeting.flips(classify)}, out / "flips.png")
    typer.echo(printed(found, meeting.names))
    typer.echo(f"report in {out}")


@typer_app.command()
def visda(
    labels: Annotated[Path, typer.Option(help="image_list.txt: a path and a class a line")],
    predictions: Annotated[Path, typer.Option(help="one integer a line, in the list's order")],
    open_set: Annotated[
        bool, typer.Option("--open-set", help="one more class, the last: unknown")
    ] = False,
    classes: Annotated[int, typer.Option(min=1, help="number of known classes")] = 12,
    json: Annotated[bool, typer.Option("--json", help="print every number as JSON")] = False,
) -> None:
    """Score predictions as VisDA-2017 and Syn2Real do: the mean of the classes' accuracies."""
    import json as codec
    from dataclasses import asdict

    from isthmus.data import visda as files
    from isthmus.metrics.visda import ClosedSetScore, OpenSetScore, closed_set_score, open_set_score

    every = classes + open_set
    truth = files.read_image_list(labels, classes=every).labels
    predicted = files.read_predictions(predictions, count=len(truth), classes=every)
    found: ClosedSetScore | OpenSetScore
    if open_set:
        found = open_set_score(truth, predicted, known=classes)
    else:
        found = closed_set_score(truth, predicted, classes=classes)
    figures = asdict(found)
    by_class = dict(zip(files.names(classes, open_set=open_set), figures["by_class"], strict=True))
    if json:
        typer.echo(codec.dumps(figures | {"by_class": by_class}, indent=1, sort_keys=True))
        return
    for name, value in [*by_class.items(), *list(figures.items())[:-1]]:
        typer.echo(f"{name.replace('_', ' '):12s} {value:7.3f} %")


@typer_app.command()
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


@typer_app.command()
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
    from isthmus.data.pose_sources import h36m_records, skipose
    from isthmus.data.view_noise import filmed
    from isthmus.data.views import write_views

    if out.suffix != ".parquet":
        raise InputError(out, "unknown kind of file", mend="let its name end in .parquet")
    paths = source or []
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


def app() -> None:
    """Run the command; unusable input ends with exit code 2 and one line."""
    try:
        typer_app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

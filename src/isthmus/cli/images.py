"""The commands for the user's own images, translators and classifiers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console


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
    from isthmus.translation.folders import find_model

    made_folder(out)
    found = inspect(
        find_model(model),
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
    from isthmus.translation.folders import find_model
    from isthmus.translation.stored import as_used

    sys.path.insert(0, str(Path()))
    made_folder(out)
    classify = classifier(model)
    meeting = meet(
        as_used(find_model(translator), drive),
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

"""The commands that score files of predictions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


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

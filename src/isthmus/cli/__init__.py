"""The command `isthmus`."""

from __future__ import annotations

import sys

import typer

from isthmus.cli import images, pipeline, points, poses, predictions
from isthmus.errors import InputError

typer_app = typer.Typer(
    no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__
)
audit_app = typer.Typer(no_args_is_help=True, help="Look into a model of your own.")

for command in (
    *(pipeline.scorecard, pipeline.ui, pipeline.track, pipeline.plan, pipeline.explain),
    *(pipeline.handover, pipeline.publish, pipeline.compare, pipeline.scale),
    *(points.align, points.distance, predictions.score, images.translate, predictions.visda),
    *(poses.pose, poses.convert),
):
    typer_app.command()(command)
for audit in (images.honesty, images.sensitivity):
    audit_app.command()(audit)
typer_app.add_typer(audit_app, name="audit")


def app() -> None:
    """Run the command; unusable input ends with exit code 2 and one line."""
    try:
        typer_app()
    except InputError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)

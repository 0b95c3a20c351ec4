"""The scorecard: every claim of `claims.yaml`, judged against the metric files of one scale.

Judging is arithmetic and nothing else: read the figures that a claim's rule names, compare them, and
say `holds`, `fails` or `not-measured`.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction
from functools import cache
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Any, Literal, get_args

from rich.console import Console
from rich.table import Table
from rich.text import Text

from isthmus.errors import InputError
from isthmus.report.claims import TOPICS, Claim, JudgingScale, Mark, Topic, nearest
from isthmus.report.rules import (
    Metric,
    Model,
    Operand,
    Rule,
    comparisons,
    exact,
    operands,
    satisfied,
    sentence,
    words,
)

Verdict = Literal["holds", "fails", "not-measured"]

VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
SCALES: tuple[str, ...] = ("smoke", *get_args(JudgingScale))

Read = Callable[[str], Any]
"""Content of a JSON file by its path from the workspace root; None where there is no such file."""


class Entry(Model):
    """A judged claim: the thirteen keys of `scorecard.json`, and three for the report.

    Attributes:
        id: As in the claim, like `topic`, `system`, `claim`, `published`, `unit` and `source`.
        measured: The figure found; None exactly where the verdict is `not-measured`.
        rule: The rule in words.
        verdict: `holds`, `fails` or `not-measured`.
        scale: The scale judged.
        seeds: The number, or the list, of seeds behind `measured`, where the file says it.
        run_id: Key of the stage instance that measured it, where its record says it.
        why: Why the claim fails or could not be judged; empty where it holds.
        data: As in the claim, like `mark`.
    """

    id: str
    topic: Topic
    system: str
    claim: str
    published: int | float | str | None
    measured: float | None
    unit: str
    rule: str
    verdict: Verdict
    scale: str
    seeds: int | list[int] | None
    source: str
    run_id: str | None
    why: str = ""
    data: str = ""
    mark: Mark = "talk"


class _NotMeasured(Exception):
    """A claim cannot be judged; the message says why."""


def judge(claim: Claim, scale: str, read: Read) -> Entry:
    """Judge one claim at one scale.

    A figure that is there and is not finite makes the claim fail: it was measured, and it is not
    what was claimed.

    Args:
        claim: The claim.
        scale: One of `SCALES`.
        read: Content of a JSON file by its path from the workspace root, None where absent.
    """
    try:
        figures, seeds = _evidence(claim, scale, read)
    except _NotMeasured as reason:
        return _entry(claim, scale, verdict="not-measured", why=str(reason))
    why = _objection(claim.rule, figures)
    record = read(str(PurePosixPath(_file(claim.metric, scale)).with_name("record.json")))
    key = record.get("key") if isinstance(record, dict) else None
    return _entry(
        claim,
        scale,
        measured=figures[None],
        verdict="fails" if why else "holds",
        seeds=seeds,
        run_id=key if isinstance(key, str) else None,
        why=why,
    )


def _entry(
    claim: Claim,
    scale: str,
    *,
    verdict: Verdict,
    why: str,
    measured: float | None = None,
    seeds: int | list[int] | None = None,
    run_id: str | None = None,
) -> Entry:
    return Entry(
        id=claim.id,
        topic=claim.topic,
        system=claim.system,
        claim=claim.claim,
        published=claim.published,
        measured=measured,
        unit=claim.unit,
        rule=sentence(claim.rule),
        verdict=verdict,
        scale=scale,
        seeds=seeds,
        source=claim.source,
        run_id=run_id,
        why=why,
        data=claim.data,
        mark=claim.mark,
    )


def _evidence(
    claim: Claim, scale: str, read: Read
) -> tuple[dict[Operand | None, float], int | list[int] | None]:
    """The figure behind every operand (None is the claim's own), and the seeds behind that one."""
    if scale not in claim.scales:
        raise _NotMeasured(f"judged only at {', '.join(claim.scales)}")
    figures: dict[Operand | None, float] = {}
    for operand in (None, *operands(claim.rule)):
        metric = claim.metric if operand is None else operand
        if isinstance(metric, str):
            metric = Metric(file=claim.metric.file, field=metric)
        figure = _look(metric, scale, read)
        if isinstance(figure, bool) or not isinstance(figure, int | float):
            file = _file(metric, scale)
            absent = "is not there" if read(file) is None else f"has no number {metric.field}"
            raise _NotMeasured(f"{file} {absent}")
        figures[operand] = figure
    seeds = _seeds(claim.metric, scale, read)
    count = len(seeds) if isinstance(seeds, list) else seeds or 1
    if count < claim.seeds:
        raise _NotMeasured(f"needs {claim.seeds} seeds, has {count}")
    return figures, seeds


def _seeds(metric: Metric, scale: str, read: Read) -> int | list[int] | None:
    """What stands as `seeds` beside the figure, if it is a whole number or a list of them."""
    parent, _, _ = metric.field.rpartition(".")
    beside = Metric(file=metric.file, field=f"{parent}.seeds" if parent else "seeds")
    found = _look(beside, scale, read)
    whole = found if isinstance(found, list) else [found]
    return found if all(type(seed) is int for seed in whole) else None


def _look(metric: Metric, scale: str, read: Read) -> Any:
    """What the metric's file holds at its field, None where it holds nothing."""
    found = read(_file(metric, scale))
    for key in metric.field.split("."):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _file(metric: Metric, scale: str) -> str:
    return metric.file.replace("{scale}", scale)


def _objection(rule: Rule, figures: dict[Operand | None, float]) -> str:
    """Why the rule is not satisfied, with the figures in place; empty where it is."""

    def decimal(operand: Operand | None) -> Fraction:
        return exact(figures[operand])

    def named(operand: Operand) -> str:
        return f"{words(operand)} ({figures[operand]:.6g})"

    strange = [operand for operand, figure in figures.items() if not math.isfinite(figure)]
    if strange:
        return "; ".join(
            f"{words(operand) if operand else 'the figure'} is {figures[operand]}"
            for operand in strange
        )
    return "; ".join(
        f"{figures[None]:.6g} is not {sentence(part, named)}"
        if None in operands(part)
        else f"not so: {sentence(part, named)}"
        for part in comparisons(rule)
        if not satisfied(part, decimal)
    )


def scorecard(claims: Sequence[Claim], scale: str, root: str | PathLike[str]) -> list[Entry]:
    """Judge all claims at one scale from the files below `root`, in the order of the claims.

    Raises:
        InputError: The scale is unknown, or a metric file is not JSON.
    """
    if scale not in SCALES:
        raise InputError("scale", f"unknown scale {scale!r}", mend=nearest(scale, SCALES))

    @cache
    def read(file: str) -> Any:
        path = Path(root, file)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise InputError(path, f"is not JSON: {error}", mend="run its stage again") from error

    return [judge(claim, scale, read) for claim in claims]


def to_json(entries: Iterable[Entry]) -> str:
    """The text of `scorecard.json`: one object of exactly thirteen keys an entry.

    A figure that is not finite is written as text ("nan", "inf", "-inf"), so that the file is
    JSON to every reader and null means `not-measured` and nothing else.
    """
    rows = [entry.model_dump(exclude={"why", "data", "mark"}) for entry in entries]
    for row in rows:
        if row["measured"] is not None and not math.isfinite(row["measured"]):
            row["measured"] = str(row["measured"])
    return json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def summary(entries: Iterable[Entry]) -> dict[Topic, dict[Verdict, int]]:
    """How many claims of each topic have each verdict; every topic and verdict is present."""
    counts = Counter((entry.topic, entry.verdict) for entry in entries)
    return {topic: {verdict: counts[topic, verdict] for verdict in VERDICTS} for topic in TOPICS}


_SYMBOLS: dict[Verdict, tuple[str, str]] = {
    "holds": ("✓", "bold green"),
    "fails": ("✗", "bold red"),
    "not-measured": ("·", "dim"),
}


def render(entries: Sequence[Entry], *, console: Console, everything: bool = False) -> None:
    """Print the scorecard as one table a topic, the published figure beside the measured one.

    Args:
        entries: The judged claims.
        console: Where to print.
        everything: Show the claims that are not measured too, instead of only their number.
    """
    for topic, counts in summary(entries).items():
        rows = [entry for entry in entries if entry.topic == topic]
        shown = [entry for entry in rows if everything or entry.verdict != "not-measured"]
        if not rows:
            continue
        console.print(_heading(topic, counts))
        if shown:
            console.print(_table(shown))
        console.print()


def _heading(topic: Topic, counts: dict[Verdict, int]) -> Text:
    heading = Text(f"{topic}  ", style="bold")
    for verdict, (symbol, style) in _SYMBOLS.items():
        heading.append(f" {symbol} {counts[verdict]} {verdict} ", style=style)
    return heading


def _table(entries: Iterable[Entry]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, expand=True)
    table.add_column("", width=1)
    table.add_column("claim", ratio=1)
    table.add_column("published", justify="right", max_width=14)
    table.add_column("here", justify="right", max_width=14)
    table.add_column("unit", max_width=16)
    for entry in entries:
        symbol, style = _SYMBOLS[entry.verdict]
        claim = Text(entry.claim)
        claim.append(f"\n{entry.system} · {entry.rule}", style="dim")
        if entry.why:
            claim.append(f"\n{entry.why}", style="red" if entry.verdict == "fails" else "dim")
        here = Text(_number(entry.measured), style=style)
        published, unit = Text(_number(entry.published)), Text(entry.unit)
        table.add_row(Text(symbol, style=style), claim, published, here, unit)
    return table


def _number(figure: float | str | None) -> str:
    if figure is None:
        return "-"
    return figure if isinstance(figure, str) else f"{figure:.5g}"

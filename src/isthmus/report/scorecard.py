"""The scorecard: every claim of `claims.yaml`, judged against the metric files of one scale.

A claim carries its own rule, written from what was published and never from what was measured
here. Judging is arithmetic and nothing else: read the figures that the rule names, compare them as
the decimals they are printed as, and say `holds`, `fails` or `not-measured`.
"""

from __future__ import annotations

import difflib
import json
import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, Self, get_args

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictFloat,
    StrictInt,
    StrictStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from rich.console import Console
from rich.table import Table
from rich.text import Text

from isthmus.errors import InputError

Topic = Literal["alignment", "self-defence", "puppetgan", "rift", "audit", "metapose", "syn2real"]
Verdict = Literal["holds", "fails", "not-measured"]
Mark = Literal["talk", "primary", "derived", "second-hand"]
JudgingScale = Literal["quick", "full", "paper"]

TOPICS: tuple[Topic, ...] = get_args(Topic)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
MARKS: tuple[Mark, ...] = get_args(Mark)
SCALES: tuple[str, ...] = ("smoke", *get_args(JudgingScale))

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Read = Callable[[str], Any]
"""Content of a JSON file by its path from the workspace root; None where there is no such file."""


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(_Model):
    """Where a figure is found.

    Attributes:
        file: A JSON file of one scale, from the workspace root, with `{scale}` in its path.
        field: The keys that lead to a number inside it, joined by dots.
    """

    file: str = Field(pattern=r"^runs/\{scale\}/.+\.json$")
    field: str = Field(pattern=r"^[^.]+(\.[^.]+)*$")


Operand = StrictStr | Metric
"""A figure that a rule names: a field of the claim's own file, or a field of another file."""


# ---------------------------------------------------------------------------------------- rules


class _Comparison(_Model):
    of: Operand | None = None
    """The figure compared; the claim's own metric unless given."""


class AtLeast(_Comparison):
    """`measured >= bound`."""

    kind: Literal["at_least"]
    bound: Number


class AtMost(_Comparison):
    """`measured <= bound`."""

    kind: Literal["at_most"]
    bound: Number


class Within(_Comparison):
    """`|measured - target| <= tolerance`."""

    kind: Literal["within"]
    target: Number
    tolerance: Annotated[Number, Field(gt=0)]


class Between(_Comparison):
    """`low <= measured <= high`."""

    kind: Literal["between"]
    low: Number
    high: Number

    @model_validator(mode="after")
    def _low_below_high(self) -> Self:
        if self.low >= self.high:
            raise ValueError(f"low {self.low:g} is not below high {self.high:g}")
        return self


class LessThanField(_Comparison):
    """`measured < other - margin`; a negative margin is a slack."""

    kind: Literal["less_than_field"]
    other: Operand
    margin: Number = 0.0


class GreaterThanField(_Comparison):
    """`measured > other + margin`; a negative margin is a slack."""

    kind: Literal["greater_than_field"]
    other: Operand
    margin: Number = 0.0


class RatioAtMost(_Comparison):
    """`measured <= bound * other` with `other > 0`: a share of nothing shows nothing."""

    kind: Literal["ratio_at_most"]
    other: Operand
    bound: Number


class RatioAtLeast(_Comparison):
    """`measured >= bound * other` with `other > 0`: a multiple of nothing shows nothing."""

    kind: Literal["ratio_at_least"]
    other: Operand
    bound: Number


class Ordered(_Model):
    """`fields[0] < fields[1] < ...`."""

    kind: Literal["ordered"]
    fields: Annotated[tuple[Operand, ...], Field(min_length=2)]


class AllOf(_Model):
    """Every one of the rules."""

    kind: Literal["all_of"]
    rules: Annotated[tuple[Rule, ...], Field(min_length=2)]


Rule = Annotated[
    AtLeast
    | AtMost
    | Within
    | Between
    | LessThanField
    | GreaterThanField
    | RatioAtMost
    | RatioAtLeast
    | Ordered
    | AllOf,
    Field(discriminator="kind"),
]
AllOf.model_rebuild()

_KINDS: dict[str, type[_Model]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model
    for model in (
        *(AtLeast, AtMost, Within, Between, LessThanField, GreaterThanField),
        *(RatioAtMost, RatioAtLeast, Ordered, AllOf),
    )
}


def _parts(rule: Rule) -> Iterator[Rule]:
    """The comparisons that must all be true."""
    if isinstance(rule, AllOf):
        for part in rule.rules:
            yield from _parts(part)
    else:
        yield rule


def operands(rule: Rule) -> Iterator[Operand | None]:
    """The figures that must exist before the rule can be judged; None is the claim's own."""
    match rule:
        case AllOf():
            for part in rule.rules:
                yield from operands(part)
        case Ordered():
            yield from rule.fields
        case LessThanField() | GreaterThanField() | RatioAtMost() | RatioAtLeast():
            yield from (rule.of, rule.other)
        case _:
            yield rule.of


def satisfied(rule: Rule, value: Callable[[Operand | None], Fraction]) -> bool:
    """Whether the rule is true.

    Args:
        rule: The rule.
        value: The figure behind an operand; None is the claim's own.
    """
    match rule:
        case AtLeast():
            return value(rule.of) >= _exact(rule.bound)
        case AtMost():
            return value(rule.of) <= _exact(rule.bound)
        case Within():
            return abs(value(rule.of) - _exact(rule.target)) <= _exact(rule.tolerance)
        case Between():
            return _exact(rule.low) <= value(rule.of) <= _exact(rule.high)
        case LessThanField():
            return value(rule.of) < value(rule.other) - _exact(rule.margin)
        case GreaterThanField():
            return value(rule.of) > value(rule.other) + _exact(rule.margin)
        case RatioAtMost():
            other = value(rule.other)
            return other > 0 and value(rule.of) <= _exact(rule.bound) * other
        case RatioAtLeast():
            other = value(rule.other)
            return other > 0 and value(rule.of) >= _exact(rule.bound) * other
        case Ordered():
            return all(a < b for a, b in pairwise(map(value, rule.fields)))
        case AllOf():
            return all(satisfied(part, value) for part in rule.rules)


def sentence(rule: Rule, name: Callable[[Operand], str] | None = None) -> str:
    """The rule in words, such as "at most 0.6" or "below the rh of cyclegan".

    Args:
        rule: The rule.
        name: How to call an operand; by default its field read backwards.
    """
    name = name or _words
    match rule:
        case AtLeast():
            text = f"at least {rule.bound:g}"
        case AtMost():
            text = f"at most {rule.bound:g}"
        case Within():
            text = f"within {rule.tolerance:g} of {rule.target:g}"
        case Between():
            text = f"between {rule.low:g} and {rule.high:g}"
        case LessThanField():
            text = f"below {name(rule.other)}{_offset(-rule.margin)}"
        case GreaterThanField():
            text = f"above {name(rule.other)}{_offset(rule.margin)}"
        case RatioAtMost():
            text = f"at most {rule.bound:g} times {name(rule.other)}, which must be positive"
        case RatioAtLeast():
            text = f"at least {rule.bound:g} times {name(rule.other)}, which must be positive"
        case Ordered():
            return "in this order: " + " < ".join(map(name, rule.fields))
        case AllOf():
            return "; ".join(sentence(part, name) for part in rule.rules)
    return text if rule.of is None else f"{name(rule.of)} {text}"


def _words(operand: Operand) -> str:
    """`"cyclegan.rh.mean"` reads "the rh of cyclegan"."""
    field = operand if isinstance(operand, str) else operand.field
    words = " of ".join(reversed(field.removesuffix(".mean").replace("_", " ").split(".")))
    words = f"the {words}"
    return words if isinstance(operand, str) else f"{words} in {operand.file}"


def _offset(margin: float) -> str:
    return f" {'plus' if margin > 0 else 'minus'} {abs(margin):g}" if margin else ""


def _exact(number: float) -> Fraction:
    """The decimal that a number is printed as, so that 0.93 is within 0.03 of 0.96."""
    return Fraction(repr(number))


# --------------------------------------------------------------------------------------- claims


class Claim(_Model):
    """One statement of the talk that a run can bear out or contradict.

    Attributes:
        id: Stable name in kebab case, the topic first.
        topic: The part of the talk it belongs to.
        system: The method, or the pair of methods, it is about.
        claim: The statement in one sentence, exact about data and metric.
        published: The published figure, a short text where it is not one number, or None.
        mark: How the published figure is known; see `docs/scorecard.md`.
        unit: Unit of the published and of the measured figure.
        source: Where it is published.
        data: On what data the figure is measured here, and on what it was measured there.
        metric: The figure that is set beside the published one.
        rule: What makes the claim true.
        scales: The scales at which it may be judged.
        seeds: The fewest seeds behind the figure with which it may be judged.
    """

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    topic: Topic
    system: str = Field(min_length=1)
    claim: str = Field(min_length=1)
    published: StrictInt | StrictFloat | StrictStr | None
    mark: Mark
    unit: str
    source: str = Field(min_length=1)
    data: str = ""
    metric: Metric
    rule: Rule
    scales: Annotated[tuple[JudgingScale, ...], Field(min_length=1)]
    seeds: Annotated[StrictInt, Field(ge=1)] = 1

    @model_validator(mode="after")
    def _topic_first(self) -> Self:
        if not self.id.startswith(f"{self.topic}-"):
            raise ValueError(f"the id does not start with its topic, {self.topic}")
        return self


def load_claims(path: str | PathLike[str]) -> list[Claim]:
    """Read and validate a file of claims.

    Args:
        path: A YAML file: a list of mappings with the keys of `Claim`.

    Raises:
        InputError: The file is not such a list, a key is unknown or missing, a value is not of
            its kind, or two claims share an id. The message names file, claim and key.
    """
    try:
        raw = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", mend="check path") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(path, f"is not YAML: {error}", mend="correct the syntax") from error
    if not isinstance(raw, list):
        raise InputError(path, "is not a list of claims", mend="begin every claim with '- id: '")
    claims: dict[str, Claim] = {}
    for position, item in enumerate(raw, start=1):
        ident = item.get("id") if isinstance(item, dict) else None
        name = ident if isinstance(ident, str) else f"claim number {position}"
        try:
            claim = Claim.model_validate(item)
        except ValidationError as error:
            raise _input_error(path, name, error.errors()[0]) from error
        if claim.id in claims:
            raise InputError(path, "two claims have this id", field=name, mend="rename one")
        claims[claim.id] = claim
    return list(claims.values())


def _input_error(path: str | PathLike[str], claim: str, error: ErrorDetails) -> InputError:
    """The first complaint of pydantic as an error that names file, claim and key."""
    location = [str(part) for part in error["loc"]]
    key = ".".join(part for part in location if part not in {*_KINDS, "Metric", "str"})
    field = f"{claim}: {key}" if key else claim
    if error["type"] == "extra_forbidden":
        owner = location[-2] if len(location) > 1 else ""
        model = Metric if owner in {"metric", "Metric"} else _KINDS.get(owner, Claim)
        return InputError(path, "unknown key", field=field, mend=_nearest(location[-1], model))
    if error["type"] == "missing":
        return InputError(path, "missing key", field=field, mend="add it")
    problem = f"{error['input']!r}: {error['msg']}" if key else error["msg"]
    return InputError(path, problem, field=field, mend=_hint(error))


def _nearest(word: str, known: type[_Model] | Iterable[str]) -> str:
    names = list(known.model_fields) if isinstance(known, type) else list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"write {close[0]}" if close else f"write one of {', '.join(names)}"


def _hint(error: ErrorDetails) -> str:
    """What to write instead, where pydantic knows the choices."""
    location, given = error["loc"], error["input"]
    if error["type"] == "union_tag_invalid":
        return _nearest(str(error["ctx"]["tag"]), _KINDS)
    if error["type"] == "literal_error":
        choices = {"scales": get_args(JudgingScale), "topic": TOPICS, "mark": MARKS}
        return _nearest(str(given), choices[str(location[0])])
    if isinstance(given, str) and error["type"] in {"float_type", "int_type"}:
        return "write a number, with a point before an exponent, as in 1.0e-5"
    return "see docs/scorecard.md"


# -------------------------------------------------------------------------------------- judging


class Entry(_Model):
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

    def exact(operand: Operand | None) -> Fraction:
        return _exact(figures[operand])

    def named(operand: Operand) -> str:
        return f"{_words(operand)} ({figures[operand]:.6g})"

    strange = [operand for operand, figure in figures.items() if not math.isfinite(figure)]
    if strange:
        return "; ".join(
            f"{_words(operand) if operand else 'the figure'} is {figures[operand]}"
            for operand in strange
        )
    return "; ".join(
        f"{figures[None]:.6g} is not {sentence(part, named)}"
        if None in operands(part)
        else f"not so: {sentence(part, named)}"
        for part in _parts(rule)
        if not satisfied(part, exact)
    )


def scorecard(claims: Sequence[Claim], scale: str, root: str | PathLike[str]) -> list[Entry]:
    """Judge all claims at one scale from the files below `root`, in the order of the claims.

    Raises:
        InputError: The scale is unknown, or a metric file is not JSON.
    """
    if scale not in SCALES:
        raise InputError("scale", f"unknown scale {scale!r}", mend=_nearest(scale, SCALES))

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


# -------------------------------------------------------------------------------------- showing


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

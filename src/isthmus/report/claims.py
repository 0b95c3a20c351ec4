"""The claims of `claims.yaml`: statements of the talk, each with its own rule.

A rule is written from what was published and never from what was measured here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from os import PathLike
from pathlib import Path
from typing import Annotated, Literal, Self, get_args

import yaml
from pydantic import Field, StrictFloat, StrictInt, StrictStr, ValidationError, model_validator
from pydantic_core import ErrorDetails

from isthmus.errors import InputError
from isthmus.report.rules import KINDS, Metric, Model, Rule

Topic = Literal["alignment", "self-defence", "puppetgan", "rift", "audit", "metapose", "syn2real"]
Mark = Literal["talk", "primary", "derived", "second-hand"]
JudgingScale = Literal["quick", "full", "paper"]

TOPICS: tuple[Topic, ...] = get_args(Topic)
MARKS: tuple[Mark, ...] = get_args(Mark)


class Claim(Model):
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
    key = ".".join(part for part in location if part not in {*KINDS, "Metric", "str"})
    field = f"{claim}: {key}" if key else claim
    if error["type"] == "extra_forbidden":
        owner = location[-2] if len(location) > 1 else ""
        model = Metric if owner in {"metric", "Metric"} else KINDS.get(owner, Claim)
        return InputError(path, "unknown key", field=field, mend=nearest(location[-1], model))
    if error["type"] == "missing":
        return InputError(path, "missing key", field=field, mend="add it")
    problem = f"{error['input']!r}: {error['msg']}" if key else error["msg"]
    return InputError(path, problem, field=field, mend=_hint(error))


def nearest(word: str, known: type[Model] | Iterable[str]) -> str:
    """What to write in place of a word: the nearest of those known, or all of them."""
    names = list(known.model_fields) if isinstance(known, type) else list(known)
    close = difflib.get_close_matches(word, names, n=1, cutoff=0.5)
    return f"write {close[0]}" if close else f"write one of {', '.join(names)}"


def _hint(error: ErrorDetails) -> str:
    """What to write instead, where pydantic knows the choices."""
    location, given = error["loc"], error["input"]
    if error["type"] == "union_tag_invalid":
        return nearest(str(error["ctx"]["tag"]), KINDS)
    if error["type"] == "literal_error":
        choices = {"scales": get_args(JudgingScale), "topic": TOPICS, "mark": MARKS}
        return nearest(str(given), choices[str(location[0])])
    if isinstance(given, str) and error["type"] in {"float_type", "int_type"}:
        return "write a number, with a point before an exponent, as in 1.0e-5"
    return "see docs/scorecard.md"

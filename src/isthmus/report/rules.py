"""The rules of claims: what a measured figure must satisfy, as data, as an inequality and in words.

Figures are compared as the decimals they are printed as.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import pairwise
from typing import Annotated, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, StrictStr, model_validator

Number = Annotated[float, Field(strict=True, allow_inf_nan=False)]


class Model(BaseModel):
    """No key but its own, and nothing changes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(Model):
    """Where a figure is found.

    Attributes:
        file: A JSON file of one scale, from the workspace root, with `{scale}` in its path.
        field: The keys that lead to a number inside it, joined by dots.
    """

    file: str = Field(pattern=r"^runs/\{scale\}/.+\.json$")
    field: str = Field(pattern=r"^[^.]+(\.[^.]+)*$")


Operand = StrictStr | Metric
"""A figure that a rule names: a field of the claim's own file, or a field of another file."""


class _Comparison(Model):
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


class Ordered(Model):
    """`fields[0] < fields[1] < ...`."""

    kind: Literal["ordered"]
    fields: Annotated[tuple[Operand, ...], Field(min_length=2)]


class AllOf(Model):
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

KINDS: dict[str, type[Model]] = {
    get_args(model.model_fields["kind"].annotation)[0]: model
    for model in (
        *(AtLeast, AtMost, Within, Between, LessThanField, GreaterThanField),
        *(RatioAtMost, RatioAtLeast, Ordered, AllOf),
    )
}


def comparisons(rule: Rule) -> Iterator[Rule]:
    """The comparisons that must all be true."""
    if isinstance(rule, AllOf):
        for part in rule.rules:
            yield from comparisons(part)
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
            return value(rule.of) >= exact(rule.bound)
        case AtMost():
            return value(rule.of) <= exact(rule.bound)
        case Within():
            return abs(value(rule.of) - exact(rule.target)) <= exact(rule.tolerance)
        case Between():
            return exact(rule.low) <= value(rule.of) <= exact(rule.high)
        case LessThanField():
            return value(rule.of) < value(rule.other) - exact(rule.margin)
        case GreaterThanField():
            return value(rule.of) > value(rule.other) + exact(rule.margin)
        case RatioAtMost():
            other = value(rule.other)
            return other > 0 and value(rule.of) <= exact(rule.bound) * other
        case RatioAtLeast():
            other = value(rule.other)
            return other > 0 and value(rule.of) >= exact(rule.bound) * other
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
    name = name or words
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


def words(operand: Operand) -> str:
    """`"cyclegan.rh.mean"` reads "the rh of cyclegan"."""
    field = operand if isinstance(operand, str) else operand.field
    words = " of ".join(reversed(field.removesuffix(".mean").replace("_", " ").split(".")))
    words = f"the {words}"
    return words if isinstance(operand, str) else f"{words} in {operand.file}"


def _offset(margin: float) -> str:
    return f" {'plus' if margin > 0 else 'minus'} {abs(margin):g}" if margin else ""


def exact(number: float) -> Fraction:
    """The decimal that a number is printed as, so that 0.93 is within 0.03 of 0.96."""
    return Fraction(repr(number))

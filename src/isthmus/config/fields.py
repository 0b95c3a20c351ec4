"""What the sections of the schema are made of: numbers with a unit and bounds."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field


def number(text: str, unit: str, **bounds: Any) -> Any:
    """A number with its meaning, its unit and its bounds."""
    return Field(description=text, json_schema_extra={"unit": unit}, **bounds)


def sample_count(text: str) -> Any:
    """A number of samples."""
    return number(text, "samples", ge=2, le=10_000_000)


def step_count(text: str) -> Any:
    """A number of optimiser steps."""
    return number(text, "optimiser steps", ge=1, le=10_000_000)


def step_size(text: str) -> Any:
    """A step size of an optimiser."""
    return number(text, "per step", gt=0, le=1)


def count(text: str, unit: str, least: int = 1) -> Any:
    """A whole number of something."""
    return number(text, unit, ge=least, le=10_000_000)


def seed_count(text: str = "independent repetitions") -> Any:
    """A number of seeds."""
    return number(text, "seeds", ge=1, le=1000)


def weight(text: str) -> Any:
    """A weight in an objective, or another number without unit from 0 up."""
    return number(text, "1", ge=0, le=1_000_000)


def length(text: str, unit: str) -> Any:
    """A positive length."""
    return number(text, unit, gt=0, le=1_000_000)


def hidden_widths(text: str) -> Any:
    """Widths of hidden layers."""
    return Field(description=text, min_length=1, max_length=8)


Width = Annotated[int, Field(ge=1, le=4096)]


class Section(BaseModel):
    """A section of the parameter file: closed, immutable, no defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, serialize_by_alias=True)

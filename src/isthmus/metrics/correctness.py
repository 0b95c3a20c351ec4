"""The protocol of "Evaluation of Correctness in Unsupervised Many-to-Many Image Translation".

Bashkirova, Usman, Saenko, WACV 2022 (arXiv 2103.15727). For every pair of a source ("content") and
a guide of the other domain, the attributes of the translation are compared with theirs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.errors import InputError
from isthmus.metrics.manipulation import Accuracy, as_integers, mean, same_shape, share

Integers = npt.NDArray[np.int64]
Booleans = npt.NDArray[np.bool_]


class Role(StrEnum):
    """What an attribute does in the two domains.

    `SHARED` varies in both; `A` and `B` vary in that domain and are fixed in the other; `DOMAIN`
    tells the domain; `NONE` was given no role, so that only its bias is of interest.
    """

    SHARED = "shared"
    A = "a-specific"
    B = "b-specific"
    DOMAIN = "domain"
    NONE = "none"


_APPLIES = {
    "content_preservation": {Role.SHARED},
    "style_translation": {Role.A, Role.B},
    "translation_quality": {Role.A, Role.B, Role.DOMAIN},
    "bias": {Role.SHARED, Role.A, Role.B, Role.NONE},
    "correct_attribute_change": {Role.SHARED, Role.A, Role.B, Role.DOMAIN},
    "manipulation_accuracy": {Role.SHARED, Role.A, Role.B},
}


class _Measure(NamedTuple):
    hits: Booleans
    counted: Booleans


def correctness(
    content: npt.ArrayLike,
    guide: npt.ArrayLike,
    translated: npt.ArrayLike,
    a2b: npt.ArrayLike,
    *,
    roles: Mapping[str, Role],
    fixed: npt.ArrayLike,
    released: bool = False,
) -> dict[str, Any]:
    """All measures of the protocol, with c, g, t the attribute in source, guide and translation.

    - `content_preservation`: p(t = c | c != g), shared attributes.
    - `style_translation`: p(t = g | c != g), attributes specific to the target.
    - `translation_quality`: p(t = v | c != v), v the value fixed in the target, attributes specific
      to the source and the domain itself.
    - `bias`: p(t != c | c = g), all attributes but the domain: a change that nobody asked for.
    - `correct_attribute_change`: p(t = ideal | c != g), where the ideal is c, g or v as above.
    - `disentanglement_quality`: mean of `style_translation` and `content_preservation`.
    - `manipulation_accuracy`: the talk's ACC, that is content preservation of shared and style
      translation of specific attributes.

    A summary is the plain mean over the attributes for which pairs count. Style translation and
    translation quality are averaged within each direction first, then over the directions that
    occur; the others pool the pairs of both directions.

    With `released`, three habits of the authors' published summaries are kept: in content
    preservation, bias and correct change an attribute without pairs enters the mean as 0; bias and
    correct change average over all attributes, the domain and those without role too; and correct
    change sees translations into A only, where it takes 0 as ideal of those attributes.

    Args:
        content: Attributes of the sources, integers `(n, k)`.
        guide: Attributes of the guides, likewise.
        translated: Attributes of the translations, likewise; any integer is allowed.
        a2b: Whether each translation goes from A to B, booleans `(n,)`.
        roles: Name and role of the k attributes, in the order of the columns.
        fixed: Integers `(2, k)`: the value in A, and in B, of what is fixed there; read only for
            attributes specific to the other domain and for the domain itself.
        released: Reproduce the published summaries.

    Returns:
        The measures above as numbers from 0 to 1, None where no pair counts, `style_translation`
        also with `_a2b` and `_b2a`; and `per_attribute`, by name the `role` and for every measure
        that applies `value`, `error` (standard error) and `pairs` (number counted), under `all`,
        `a2b` and `b2a`.

    Raises:
        InputError: The arrays do not fit together.
    """
    c, g, t = (
        as_integers(values, name, ndim=2)
        for values, name in ((content, "content"), (guide, "guide"), (translated, "translated"))
    )
    same_shape(t, content=c, guide=g)
    values = as_integers(fixed, "fixed", ndim=2)
    into_b = np.asarray(a2b)
    if t.shape[1] != len(roles) or values.shape != (2, len(roles)):
        problem = f"{len(roles)} for {t.shape[1]} columns, and fixed values {values.shape}"
        raise InputError("roles", problem, mend="give a role and two values for every column")
    if into_b.dtype != bool or into_b.shape != (len(t),):
        problem = f"has dtype {into_b.dtype} and shape {into_b.shape}"
        raise InputError("a2b", problem, mend="give one boolean a translation")

    measures = _measures(c, g, t, into_b, list(roles.values()), values, released)
    directions = {"all": np.full(len(t), True), "a2b": into_b, "b2a": ~into_b}
    table = {
        name: {
            direction: [share(hits[rows, k], counted[rows, k]) for k in range(len(roles))]
            for direction, rows in directions.items()
        }
        for name, (hits, counted) in measures.items()
    }
    return {
        **_summaries(table, list(roles.values()), released),
        "per_attribute": {
            name: {"role": str(role), **_column(table, k, role)}
            for k, (name, role) in enumerate(roles.items())
        },
    }


def _measures(
    c: Integers,
    g: Integers,
    t: Integers,
    into_b: Booleans,
    roles: Sequence[Role],
    fixed: Integers,
    released: bool,
) -> dict[str, _Measure]:
    shared, a, b, domain, none = (np.array([role is each for role in roles]) for each in Role)
    of_target = np.where(into_b[:, None], b, a)
    of_source = np.where(into_b[:, None], a, b)
    at_target = np.where(into_b[:, None], fixed[1], fixed[0])
    ideal = np.where(shared, c, np.where(of_target, g, at_target))
    differ = c != g
    biased, changed = ~differ & ~domain, differ & ~none
    if released:
        biased, changed = ~differ, differ & ~into_b[:, None]
        ideal = np.where(domain | none, 0, ideal)
    return {
        "content_preservation": _Measure(t == c, differ & shared),
        "style_translation": _Measure(t == g, differ & of_target),
        "translation_quality": _Measure(t == at_target, (c != at_target) & (of_source | domain)),
        "bias": _Measure(t != c, biased),
        "correct_attribute_change": _Measure(t == ideal, changed),
        "manipulation_accuracy": _Measure(
            np.where(shared, t == c, t == g), differ & (of_target | shared)
        ),
    }


def _summaries(
    table: Mapping[str, Mapping[str, Sequence[Accuracy]]], roles: Sequence[Role], released: bool
) -> dict[str, float | None]:
    shared = [k for k, role in enumerate(roles) if role is Role.SHARED]
    everything = range(len(roles))

    def pooled(measure: str, attributes: Sequence[int]) -> float | None:
        accuracies = [table[measure]["all"][k] for k in attributes]
        if released:
            return _average([each.value if each.pairs else 0.0 for each in accuracies])
        return _number(mean(accuracies).value)

    def directed(measure: str, direction: str) -> float | None:
        return _number(mean(table[measure][direction]).value)

    content = pooled("content_preservation", shared)
    a2b, b2a = (directed("style_translation", direction) for direction in ("a2b", "b2a"))
    style = _average([a2b, b2a])
    both = None if style is None or content is None else (style + content) / 2
    return {
        "translation_quality": _average(
            [directed("translation_quality", direction) for direction in ("a2b", "b2a")]
        ),
        "content_preservation": content,
        "style_translation": style,
        "style_translation_a2b": a2b,
        "style_translation_b2a": b2a,
        "bias": pooled("bias", everything),
        "disentanglement_quality": both,
        "correct_attribute_change": pooled("correct_attribute_change", everything),
        "manipulation_accuracy": directed("manipulation_accuracy", "all"),
    }


def _column(
    table: Mapping[str, Mapping[str, Sequence[Accuracy]]], k: int, role: Role
) -> dict[str, dict[str, dict[str, Any]]]:
    return {
        measure: {
            direction: {
                "value": _number(accuracies[k].value),
                "error": _number(accuracies[k].error),
                "pairs": accuracies[k].pairs,
            }
            for direction, accuracies in by_direction.items()
        }
        for measure, by_direction in table.items()
        if role in _APPLIES[measure] or by_direction["all"][k].pairs
    }


def _average(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return float(np.mean(known)) if known else None


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.metrics.correctness import Role, correctness
from isthmus.metrics.manipulation import categorical

SIZES = (10, 10, 10, 8, 4, 15)
ROLES = {
    "floor": Role.A,
    "wall": Role.A,
    "object": Role.SHARED,
    "size": Role.B,
    "shape": Role.SHARED,
    "orientation": Role.B,
}
FIXED = np.array([[0, 0, 0, 5, 0, 3], [4, 7, 0, 0, 0, 0]])
VARIES = {
    domain: np.array([role in (Role.SHARED, domain) for role in ROLES.values()])
    for domain in (Role.A, Role.B)
}
ERRORS = 4


def pairs(count: int, seed: int = 0) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    drawn = draw.integers(0, SIZES, (2, count, len(SIZES)))
    in_a = np.where(VARIES[Role.A], drawn[0], FIXED[0])
    in_b = np.where(VARIES[Role.B], drawn[1], FIXED[1])
    a2b = draw.random(count) < 0.5
    return {
        "content": np.where(a2b[:, None], in_a, in_b),
        "guide": np.where(a2b[:, None], in_b, in_a),
        "a2b": a2b,
    }


def oracle(content: np.ndarray, guide: np.ndarray, a2b: np.ndarray) -> np.ndarray:
    shared = VARIES[Role.A] & VARIES[Role.B]
    into = np.where(a2b[:, None], VARIES[Role.B], VARIES[Role.A])
    fixed = np.where(a2b[:, None], FIXED[1], FIXED[0])
    return np.where(shared, content, np.where(into, guide, fixed))


def measured(translated: np.ndarray, given_pairs: dict[str, np.ndarray], **options: Any) -> Any:
    return correctness(
        translated=translated, **given_pairs, **{"roles": ROLES, "fixed": FIXED, **options}
    )


def summaries(found: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in found.items() if name != "per_attribute"}


@pytest.mark.parametrize("released", [False, True])
def test_the_oracle_makes_no_mistake(released: bool) -> None:
    drawn = pairs(500)
    found = summaries(measured(oracle(**drawn), drawn, released=released))
    assert found.pop("bias") == 0
    assert set(found.values()) == {1.0}


def test_a_copy_of_the_source_keeps_all_and_takes_nothing() -> None:
    drawn = pairs(500)
    found = measured(drawn["content"], drawn)
    assert found["content_preservation"] == 1
    assert found["style_translation_a2b"] == found["style_translation_b2a"] == 0
    assert found["translation_quality"] == found["bias"] == 0
    assert found["manipulation_accuracy"] == pytest.approx(2 / 6)


def test_a_copy_of_the_guide_takes_all_and_keeps_nothing() -> None:
    drawn = pairs(500)
    found = measured(drawn["guide"], drawn)
    assert found["content_preservation"] == 0
    assert found["style_translation_a2b"] == found["style_translation_b2a"] == 1
    assert found["translation_quality"] == 1
    assert found["bias"] == 0
    assert found["manipulation_accuracy"] == pytest.approx(4 / 6)


def test_random_output_is_at_chance() -> None:
    drawn = pairs(20_000)
    found = measured(np.random.default_rng(1).integers(0, SIZES, (20_000, 6)), drawn)
    assert found["manipulation_accuracy"] == pytest.approx(0.124, abs=0.004)
    for size, attribute in zip(SIZES, found["per_attribute"].values(), strict=True):
        one = attribute["manipulation_accuracy"]["all"]
        assert abs(one["value"] - 1 / size) < ERRORS * one["error"]
        bias = attribute["bias"]["all"]
        assert abs(bias["value"] - (1 - 1 / size)) < ERRORS * bias["error"]


def test_manipulation_is_acc_of_the_talk() -> None:
    drawn = pairs(400)
    translated = np.random.default_rng(2).integers(0, SIZES, (400, 6))
    found = measured(translated, drawn)["per_attribute"]
    for k, (name, role) in enumerate(ROLES.items()):
        rows = {Role.A: ~drawn["a2b"], Role.B: drawn["a2b"]}.get(role, np.full(400, True))
        t, c, g = (values[rows, k] for values in (translated, drawn["content"], drawn["guide"]))
        wanted, other = (c, g) if role is Role.SHARED else (g, c)
        one = found[name]["manipulation_accuracy"]["all"]
        assert (one["value"], one["error"], one["pairs"]) == categorical(t, wanted, other)


@given(st.integers(0, 99), st.integers(1, 30), st.booleans(), st.randoms())
def test_the_order_of_pairs_does_not_matter(
    seed: int, count: int, released: bool, random: Any
) -> None:
    drawn = pairs(count, seed)
    translated = np.random.default_rng(seed).integers(0, 3, (count, 6))
    order = list(range(count))
    random.shuffle(order)
    shuffled = {name: values[order] for name, values in drawn.items()}
    assert measured(translated[order], shuffled, released=released) == measured(
        translated, drawn, released=released
    )


@given(st.integers(0, 99), st.integers(1, 30))
def test_names_of_domains_do_not_matter(seed: int, count: int) -> None:
    drawn = pairs(count, seed)
    translated = np.random.default_rng(seed).integers(0, 3, (count, 6))
    one = measured(translated, drawn)
    swap = {Role.A: Role.B, Role.B: Role.A}
    other = measured(
        translated,
        {**drawn, "a2b": ~drawn["a2b"]},
        roles={name: swap.get(role, role) for name, role in ROLES.items()},
        fixed=FIXED[::-1],
    )
    for name, attribute in one["per_attribute"].items():
        for measure, directions in attribute.items():
            if measure == "role":
                continue
            mirrored = other["per_attribute"][name][measure]
            assert directions["a2b"] == mirrored["b2a"]
            assert directions["all"] == mirrored["all"]
    assert one["style_translation_a2b"] == other["style_translation_b2a"]
    assert one["bias"] == other["bias"]


def test_both_directions_sum_to_all_pairs() -> None:
    drawn = pairs(300)
    found = measured(drawn["guide"], drawn)["per_attribute"]
    for name, attribute in found.items():
        k = list(ROLES).index(name)
        differ = (drawn["content"] != drawn["guide"])[:, k]
        assert attribute["correct_attribute_change"]["all"]["pairs"] == differ.sum()
        assert attribute["bias"]["all"]["pairs"] == (~differ).sum()
        for measure, directions in attribute.items():
            if measure != "role":
                assert directions["all"]["pairs"] == sum(
                    directions[way]["pairs"] for way in ("a2b", "b2a")
                )


SMALL = {"kind": Role.SHARED, "hat": Role.A, "other": Role.NONE, "sex": Role.DOMAIN}
SMALL_FIXED = [[0, 0, 0, 1], [0, 9, 0, 0]]
SMALL_PAIRS: dict[str, Any] = {
    "content": [[1, 2, 3, 1], [4, 9, 3, 0], [5, 9, 3, 0]],
    "guide": [[2, 9, 3, 0], [5, 6, 3, 1], [6, 7, 4, 1]],
    "a2b": np.array([True, False, False]),
}
SMALL_OUT = [[1, 9, 8, 0], [4, 6, 3, 1], [6, 8, 0, 1]]


def test_a_small_case_by_hand() -> None:
    found = correctness(**SMALL_PAIRS, translated=SMALL_OUT, roles=SMALL, fixed=SMALL_FIXED)
    assert found["content_preservation"] == pytest.approx(2 / 3)
    assert found["style_translation_a2b"] is None
    assert found["style_translation"] == found["style_translation_b2a"] == 1 / 2
    assert found["translation_quality"] == 1
    assert found["bias"] == 1 / 2
    assert found["disentanglement_quality"] == pytest.approx(7 / 12)
    assert found["correct_attribute_change"] == pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert found["per_attribute"]["sex"]["translation_quality"]["all"]["pairs"] == 3
    assert "bias" not in found["per_attribute"]["sex"]


def test_the_small_case_as_released() -> None:
    found = correctness(
        **SMALL_PAIRS, translated=SMALL_OUT, roles=SMALL, fixed=SMALL_FIXED, released=True
    )
    assert found["bias"] == pytest.approx((0 + 0 + 1 / 2 + 0) / 4)
    assert found["correct_attribute_change"] == pytest.approx((1 / 2 + 1 / 2 + 1 + 0) / 4)
    assert found["content_preservation"] == pytest.approx(2 / 3)


def test_mistaken_labels_of_originals() -> None:
    found = correctness(
        [[1, 9, 3, 1], [1, 2, 3, 1]],
        [[2, 8, 3, 1], [2, 9, 3, 0]],
        [[1, 9, 3, 0], [1, 9, 3, 0]],
        np.array([True, True]),
        roles=SMALL,
        fixed=SMALL_FIXED,
    )
    assert found["per_attribute"]["hat"]["translation_quality"]["all"]["pairs"] == 1
    assert found["bias"] == 0


def test_one_direction_is_enough() -> None:
    drawn = pairs(100)
    into_b = {name: values[drawn["a2b"]] for name, values in drawn.items()}
    found = measured(oracle(**into_b), into_b)
    assert found["style_translation_b2a"] is None
    assert found["style_translation"] == found["style_translation_a2b"] == 1
    assert found["per_attribute"]["floor"]["style_translation"]["all"]["value"] is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"content": np.zeros((3, 6), int)}, "content: has shape"),
        ({"guide": np.zeros((5, 6))}, "guide: has dtype"),
        ({"a2b": np.zeros(5, int)}, "a2b: has dtype int64"),
        ({"a2b": np.zeros(4, bool)}, "a2b: .* shape"),
        ({"fixed": FIXED[:, :5]}, "roles: 6 for 6 columns"),
        ({"roles": {"floor": Role.A}}, "roles: 1 for 6 columns"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(change: dict[str, Any], reason: str) -> None:
    arguments = {**pairs(5), "translated": np.zeros((5, 6), int), "roles": ROLES, "fixed": FIXED}
    with pytest.raises(InputError, match=reason):
        correctness(**{**arguments, **change})

from __future__ import annotations

from pathlib import Path

import pytest

from isthmus.metrics.pixel_share import Change
from isthmus.report.many_to_many import Cell, accuracy_by_share
from isthmus.stages.many_to_many import together
from isthmus.translation.sets import SETS, SHIFTED, SPLITS

FACTORS = tuple(SETS["3ds-a"].roles)
SHARES = {name: {f: Change(10.0 * k, 60.0 - k) for k, f in enumerate(FACTORS)} for name in SPLITS}


def figures(value: float, step: float = 0.0) -> dict[str, float]:
    return {f: value + step * k for k, f in enumerate(FACTORS)} | {
        "accuracy": value,
        "common": value,
    }


def run(*names: str, seeds: int = 2) -> dict[str, dict[str, list[dict[str, float]]]]:
    members = [figures(40.0 + 10 * seed, step=2.0) for seed in range(seeds)]
    return {name: {"rift": members, "oracle": [figures(100.0)]} for name in names}


def test_the_table_where_all_sets_were_run() -> None:
    found = run(*SPLITS)
    found |= {
        name: {"rift": [figures(v), figures(v)], "oracle": [figures(100.0)]}
        for name, v in (("synaction", 60.0), ("celeba", 80.0))
    }
    rift = together(found, SHARES)["rift"]
    assert rift["3ds"]["values"] == pytest.approx([45, 55])
    assert (rift["synaction"]["mean"], rift["celeba"]["mean"]) == (60, 80)
    assert rift["average"]["values"] == pytest.approx([(45 + 140) / 3, (55 + 140) / 3])
    assert rift["pixel_share_slope"]["mean"] == pytest.approx(0.2)
    assert rift["pixel_share_rank_correlation"]["mean"] == pytest.approx(1)
    assert rift["pixel_amount_rank_correlation"]["mean"] == pytest.approx(-1)


def test_an_undefined_correlation_is_absent() -> None:
    oracle = together(run(*SPLITS), SHARES)["oracle"]
    assert "pixel_share_rank_correlation" not in oracle
    assert oracle["3ds"]["mean"] == 100


@pytest.mark.parametrize(
    ("names", "written"),
    [
        (("3ds-a",), set()),
        (("3ds-a", "synaction"), {"synaction"}),
        (("celeba", "synaction"), {"synaction", "celeba"}),
    ],
)
def test_nothing_is_written_of_what_was_not_run(names: tuple[str, ...], written: set[str]) -> None:
    assert set(together(run(*names), {})["rift"]) == written


def test_what_uneven_shares_cost_is_held_against_the_same_split() -> None:
    found = run("3ds-a", SHIFTED)
    found[SHIFTED]["rift"] = [figures(30.0), figures(20.0)]
    shifted = together(found, {})["rift-shifted"]
    assert shifted["common"]["values"] == [30, 20]
    assert shifted["common_fall"]["values"] == [10, 30]
    assert set(together(run(SHIFTED), {})["rift-shifted"]) == {"common"}


@pytest.mark.parametrize("methods", [1, 6])
def test_the_figure_is_the_same_whenever_it_is_drawn(tmp_path: Path, methods: int) -> None:
    cells = [Cell(f, k % 2 == 0, 10.0 * k, 15.0 * k) for k, f in enumerate(FACTORS)]
    for name in ("one.png", "two.png"):
        accuracy_by_share({f"method {k}": cells for k in range(methods)}, tmp_path / name)
    accuracy_by_share({"rift": []}, tmp_path / "empty.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()
    assert (tmp_path / "one.png").read_bytes() != (tmp_path / "empty.png").read_bytes()

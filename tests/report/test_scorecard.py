from __future__ import annotations

import io
import json
import math
from collections import Counter
from decimal import Context, Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from isthmus.errors import InputError
from isthmus.report.claims import TOPICS, Claim, load_claims
from isthmus.report.rules import operands, sentence
from isthmus.report.scorecard import SCALES, Entry, judge, render, scorecard, summary, to_json

CLAIMS = Path(__file__).parents[2] / "claims.yaml"
MOONS = "runs/{scale}/evaluate/moons/metrics.json"


def raw(**changes: Any) -> dict[str, Any]:
    claim = {
        "id": "alignment-test",
        "topic": "alignment",
        "system": "LRMF",
        "claim": "LRMF is accurate on the moons.",
        "published": 0.99,
        "mark": "talk",
        "unit": "share",
        "source": "talk, Topic 1b",
        "metric": {"file": MOONS, "field": "lrmf.accuracy.mean"},
        "rule": {"kind": "at_least", "bound": 0.5},
        "scales": ["quick", "full"],
    }
    return claim | changes


def judged(rule: dict[str, Any], own: float, scale: str = "quick", **others: float) -> Entry:
    metrics = {
        "lrmf": {"accuracy": {"mean": own, "seeds": 5}},
        **{name: {"accuracy": {"mean": value}} for name, value in others.items()},
    }
    files = {f"runs/{scale}/evaluate/moons/metrics.json": metrics}
    return judge(Claim.model_validate(raw(rule=rule)), scale, files.get)


def at(name: str) -> str:
    return f"{name}.accuracy.mean"


def write(root: Path, file: str, content: Any) -> None:
    path = root / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def load(tmp_path: Path, *claims: Any) -> list[Claim]:
    path = tmp_path / "claims.yaml"
    path.write_text(yaml.safe_dump(list(claims)))
    return load_claims(path)


# ---------------------------------------------------------------------------------------- rules

RULES: list[tuple[dict[str, Any], dict[str, float], list[float], list[float]]] = [
    # rule, other figures, values for which it holds, values for which it fails
    ({"kind": "at_least", "bound": 0.5}, {}, [0.5, 0.51], [0.49]),
    ({"kind": "at_most", "bound": 0.5}, {}, [0.5, 0.49], [0.51]),
    (
        {"kind": "within", "target": 0.96, "tolerance": 0.03},
        {},
        [0.93, 0.96, 0.99],
        [0.9299, 0.9901],
    ),
    ({"kind": "between", "low": -0.1, "high": 0.1}, {}, [-0.1, 0, 0.1], [-0.11, 0.11]),
    ({"kind": "less_than_field", "other": at("none")}, {"none": 0.5}, [0.49], [0.5, 0.51]),
    (
        {"kind": "less_than_field", "other": at("none"), "margin": 0.2},
        {"none": 0.5},
        [0.29],
        [0.3, 0.31],
    ),
    ({"kind": "greater_than_field", "other": at("none")}, {"none": 0.5}, [0.51], [0.5, 0.49]),
    (
        {"kind": "greater_than_field", "other": at("none"), "margin": 0.2},
        {"none": 0.5},
        [0.71],
        [0.7, 0.69],
    ),
    (
        {"kind": "greater_than_field", "other": at("none"), "margin": -0.02},
        {"none": 0.5},
        [0.481, 0.5],
        [0.48, 0.4],
    ),
    (
        {"kind": "ratio_at_most", "other": at("none"), "bound": 0.1},
        {"none": 0.3},
        [0.03, -1],
        [0.031],
    ),
    (
        {"kind": "ratio_at_least", "other": at("none"), "bound": 10},
        {"none": 0.3},
        [3, 3.1],
        [2.9],
    ),
    ({"kind": "ratio_at_most", "other": at("none"), "bound": 0.1}, {"none": 0}, [], [-1, 0, 1]),
    ({"kind": "ratio_at_least", "other": at("none"), "bound": 1}, {"none": -1}, [], [-2, 0, 1]),
    (
        {"kind": "ordered", "fields": [at("emd"), at("lrmf"), at("oracle")]},
        {"emd": 0.4, "oracle": 0.9},
        [0.41, 0.89],
        [0.4, 0.9, 0.3, 1.0],
    ),
    (
        {
            "kind": "all_of",
            "rules": [
                {"kind": "at_least", "bound": 0.5},
                {"kind": "at_most", "of": at("none"), "bound": 0.2},
            ],
        },
        {"none": 0.2},
        [0.5],
        [0.4],
    ),
    (
        {
            "kind": "all_of",
            "rules": [
                {"kind": "at_least", "bound": 0.5},
                {"kind": "at_most", "of": at("none"), "bound": 0.2},
            ],
        },
        {"none": 0.3},
        [],
        [0.4, 0.5],
    ),
]


@pytest.mark.parametrize(("rule", "others", "good", "bad"), RULES)
def test_a_rule_holds_up_to_its_bound_and_fails_beyond(
    rule: dict[str, Any], others: dict[str, float], good: list[float], bad: list[float]
) -> None:
    for own in good:
        entry = judged(rule, own, **others)
        assert (entry.verdict, entry.measured, entry.why) == ("holds", own, "")
    for own in bad:
        entry = judged(rule, own, **others)
        assert (entry.verdict, entry.measured) == ("fails", own)
        assert entry.why


SIMPLE = ["at_least", "at_most", "within", "between"]
AGAINST = ["less_than_field", "greater_than_field", "ratio_at_most", "ratio_at_least", "ordered"]
EXACT = Context(prec=2000)


def truth(kind: str, own: float, x: float, y: float) -> bool:
    """The inequality itself, in decimals; x and y are bound, tolerance, other or margin."""
    m, a, b = (Decimal(repr(number)) for number in (own, x, y))
    match kind:
        case "at_least":
            return m >= a
        case "at_most":
            return m <= a
        case "within":
            return EXACT.abs(EXACT.subtract(m, a)) <= b
        case "between":
            return a <= m <= b
        case "less_than_field":
            return EXACT.add(m, b) < a
        case "greater_than_field":
            return EXACT.subtract(m, b) > a
        case "ratio_at_most":
            return a > 0 and m <= EXACT.multiply(b, a)
        case "ratio_at_least":
            return a > 0 and m >= EXACT.multiply(b, a)
        case "ordered":
            return a < m
    raise AssertionError(kind)


def written(kind: str, x: float, y: float) -> dict[str, Any]:
    match kind:
        case "within":
            return {"kind": kind, "target": x, "tolerance": y}
        case "between":
            return {"kind": kind, "low": x, "high": y}
        case "less_than_field" | "greater_than_field":
            return {"kind": kind, "other": at("other"), "margin": y}
        case "ratio_at_most" | "ratio_at_least":
            return {"kind": kind, "other": at("other"), "bound": y}
        case "ordered":
            return {"kind": kind, "fields": [at("other"), at("lrmf")]}
        case _:
            return {"kind": kind, "bound": x}


coarse = st.integers(-30, 30).map(lambda n: n / 10)
finite = coarse | st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=1000)
@given(st.sampled_from(SIMPLE + AGAINST), finite, finite, finite)
def test_the_verdict_is_the_inequality(kind: str, own: float, x: float, y: float) -> None:
    if kind == "within":
        y = abs(y) or 1.0
    if kind == "between":
        x, y = (min(x, y), max(x, y)) if x != y else (-1.0, 1.0)
    verdict = judged(written(kind, x, y), own, other=x).verdict
    assert verdict == ("holds" if truth(kind, own, x, y) else "fails")


@given(
    st.lists(st.tuples(st.sampled_from(SIMPLE[:2]), coarse), min_size=2, max_size=5),
    coarse,
)
def test_all_of_holds_where_each_holds(rules: list[tuple[str, float]], own: float) -> None:
    rule = {"kind": "all_of", "rules": [written(kind, x, 0) for kind, x in rules]}
    verdict = judged(rule, own).verdict
    assert verdict == ("holds" if all(truth(kind, own, x, 0) for kind, x in rules) else "fails")


@pytest.mark.parametrize("strange", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", SIMPLE + AGAINST)
def test_a_figure_that_is_not_finite_fails_with_the_reason(kind: str, strange: float) -> None:
    rule = written(kind, 0.0, 1.0)
    entry = judged(rule, strange, other=0.0)
    assert entry.verdict == "fails"
    assert str(strange) in entry.why
    if kind in AGAINST:
        entry = judged(rule, 0.5, other=strange)
        assert (entry.verdict, entry.measured) == ("fails", 0.5)
        assert str(strange) in entry.why


def test_a_rule_reads_as_a_sentence() -> None:
    rules = {
        "at least 0.99": {"kind": "at_least", "bound": 0.99},
        "within 0.03 of 0.96": {"kind": "within", "target": 0.96, "tolerance": 0.03},
        "between -0.1 and 0.1": {"kind": "between", "low": -0.1, "high": 0.1},
        "below the domain accuracy of none minus 0.1": {
            "kind": "less_than_field",
            "other": "none.domain_accuracy.mean",
            "margin": 0.1,
        },
        "above the accuracy of none minus 0.02": {
            "kind": "greater_than_field",
            "other": at("none"),
            "margin": -0.02,
        },
        "in this order: the accuracy of emd < the accuracy of none": {
            "kind": "ordered",
            "fields": [at("emd"), at("none")],
        },
        "at least 0.5; the std of accuracy of lrmf at most 0.005": {
            "kind": "all_of",
            "rules": [
                {"kind": "at_least", "bound": 0.5},
                {"kind": "at_most", "of": "lrmf.accuracy.std", "bound": 0.005},
            ],
        },
    }
    for text, rule in rules.items():
        assert sentence(Claim.model_validate(raw(rule=rule)).rule) == text


def test_the_reason_of_a_failure_shows_both_figures() -> None:
    entry = judged({"kind": "greater_than_field", "other": at("none")}, 0.4, none=0.5)
    assert entry.why == "0.4 is not above the accuracy of none (0.5)"


# -------------------------------------------------------------------------------------- judging


def test_only_the_scales_of_the_claim_are_judged() -> None:
    assert judged(raw()["rule"], 0.9, scale="full").verdict == "holds"
    for scale in ("smoke", "paper"):
        entry = judged(raw()["rule"], 0.9, scale=scale)
        assert (entry.verdict, entry.measured) == ("not-measured", None)
        assert entry.why == "judged only at quick, full"


@pytest.mark.parametrize(
    "metrics",
    [
        {},
        [],
        3,
        {"lrmf": 1},
        {"lrmf": {"accuracy": {"std": 1}}},
        *({"lrmf": {"accuracy": {"mean": value}}} for value in (None, "0.9", True, [0.9], {})),
    ],
)
def test_what_has_no_number_is_not_measured(tmp_path: Path, metrics: Any) -> None:
    write(tmp_path, "runs/quick/evaluate/moons/metrics.json", metrics)
    (entry,) = scorecard(load(tmp_path, raw()), "quick", tmp_path)
    assert (entry.verdict, entry.measured, entry.run_id) == ("not-measured", None, None)
    assert entry.why.endswith("has no number lrmf.accuracy.mean")


def test_a_rule_of_two_figures_needs_both(tmp_path: Path) -> None:
    blobs = {"file": MOONS.replace("moons", "blobs"), "field": at("none")}
    rule = {"kind": "greater_than_field", "other": blobs}
    claims = load(tmp_path, raw(rule=rule))
    metrics = {"lrmf": {"accuracy": {"mean": 0.9}}, "none": {"accuracy": {"mean": 0.1}}}
    write(tmp_path, "runs/quick/evaluate/moons/metrics.json", metrics)
    assert scorecard(claims, "quick", tmp_path)[0].verdict == "not-measured"
    write(tmp_path, "runs/quick/evaluate/blobs/metrics.json", metrics)
    assert scorecard(claims, "quick", tmp_path)[0].verdict == "holds"
    (tmp_path / "runs/quick/evaluate/moons/metrics.json").unlink()
    assert scorecard(claims, "quick", tmp_path)[0].verdict == "not-measured"


def test_seeds_and_run_id_come_from_beside_the_figure(tmp_path: Path) -> None:
    claims = load(tmp_path, raw())
    for seeds in (5, [0, 1, 2], None):
        metrics = {"lrmf": {"accuracy": {"mean": 0.9, "seeds": seeds}}}
        write(tmp_path, "runs/quick/evaluate/moons/metrics.json", metrics)
        (entry,) = scorecard(claims, "quick", tmp_path)
        assert (entry.seeds, entry.run_id) == (seeds, None)
    write(tmp_path, "runs/quick/evaluate/moons/record.json", {"key": "evaluate@moons"})
    assert scorecard(claims, "quick", tmp_path)[0].run_id == "evaluate@moons"


@pytest.mark.parametrize("seeds", [5, [1, 2, 3, 4, 5]])
def test_enough_seeds_are_judged(tmp_path: Path, seeds: Any) -> None:
    metrics = {"lrmf": {"accuracy": {"mean": 0.9, "seeds": seeds}}}
    write(tmp_path, "runs/quick/evaluate/moons/metrics.json", metrics)
    assert scorecard(load(tmp_path, raw(seeds=5)), "quick", tmp_path)[0].verdict == "holds"


@pytest.mark.parametrize("seeds", [4, [1, 2], None])
def test_too_few_seeds_are_not_judged(tmp_path: Path, seeds: Any) -> None:
    metrics = {"lrmf": {"accuracy": {"mean": 0.9, "seeds": seeds}}}
    write(tmp_path, "runs/quick/evaluate/moons/metrics.json", metrics)
    (entry,) = scorecard(load(tmp_path, raw(seeds=5)), "quick", tmp_path)
    assert (entry.verdict, entry.seeds) == ("not-measured", None)


def test_a_broken_metric_file_and_an_unknown_scale_are_named(tmp_path: Path) -> None:
    path = tmp_path / "runs/quick/evaluate/moons/metrics.json"
    path.parent.mkdir(parents=True)
    path.write_text("{")
    claims = load(tmp_path, raw())
    with pytest.raises(InputError, match="is not JSON") as error:
        scorecard(claims, "quick", tmp_path)
    assert error.value.where == str(path)
    with pytest.raises(InputError, match="write quick"):
        scorecard(claims, "quik", tmp_path)


# -------------------------------------------------------------------------------------- loading


@pytest.mark.parametrize(
    ("changes", "field", "text"),
    [
        ({"sistem": "x"}, "sistem", "write system"),
        ({"metric": {"file": MOONS, "feild": "x"}}, "metric.field", "missing"),
        ({"metric": {"file": MOONS, "field": "x", "feild": "x"}}, "metric.feild", "write field"),
        ({"metric": {"file": "runs/quick/a.json", "field": "x"}}, "metric.file", "scale"),
        ({"metric": {"file": MOONS, "field": "a..b"}}, "metric.field", "pattern"),
        ({"rule": {"kind": "at_lest", "bound": 1}}, "rule", "write at_least"),
        ({"rule": {"kind": "at_least"}}, "rule.bound", "missing"),
        ({"rule": {"kind": "at_least", "bond": 1, "bound": 1}}, "rule.bond", "write bound"),
        ({"rule": {"kind": "at_least", "bound": "1e-5"}}, "rule.bound", "1.0e-5"),
        ({"rule": {"kind": "at_least", "bound": True}}, "rule.bound", "True"),
        ({"rule": {"kind": "at_least", "bound": math.nan}}, "rule.bound", "nan"),
        ({"rule": {"kind": "between", "low": 1, "high": 0}}, "rule", "not below"),
        (
            {"rule": {"kind": "within", "target": 1, "tolerance": 0}},
            "rule.tolerance",
            "greater than 0",
        ),
        ({"rule": {"kind": "ordered", "fields": ["a"]}}, "rule.fields", "at least 2"),
        (
            {
                "rule": {
                    "kind": "all_of",
                    "rules": [
                        {"kind": "at_least", "bound": 0},
                        {"kind": "at_most", "bund": 1, "bound": 1},
                    ],
                }
            },
            "rule.rules.1.bund",
            "write bound",
        ),
        ({"scales": ["quick", "ful"]}, "scales.1", "write full"),
        ({"scales": ["smoke"]}, "scales.0", "quick"),
        ({"scales": []}, "scales", "at least 1"),
        ({"topic": "alignement"}, "topic", "write alignment"),
        ({"mark": "primry"}, "mark", "write primary"),
        ({"published": True}, "published", "True"),
        ({"source": ""}, "source", "at least 1"),
        ({"seeds": 0}, "seeds", "greater than or equal"),
    ],
)
def test_a_wrong_claim_is_named_with_its_key(
    tmp_path: Path, changes: dict[str, Any], field: str, text: str
) -> None:
    with pytest.raises(InputError) as error:
        load(tmp_path, raw(**changes))
    assert error.value.where == str(tmp_path / "claims.yaml")
    assert error.value.field.startswith(f"alignment-test: {field}")
    assert text in str(error.value)


@pytest.mark.parametrize("ident", ["Alignment-x", "alignment_x", "rift-x", "alignment-"])
def test_ids_are_kebab_case_and_begin_with_the_topic(tmp_path: Path, ident: str) -> None:
    with pytest.raises(InputError, match=ident):
        load(tmp_path, raw(id=ident))


def test_a_claim_without_rule_or_source_is_refused(tmp_path: Path) -> None:
    for key in ("rule", "source", "metric", "published"):
        claim = raw()
        del claim[key]
        with pytest.raises(InputError, match=f"alignment-test: {key}: missing"):
            load(tmp_path, claim)


def test_two_claims_with_one_id_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"alignment-test: two claims"):
        load(tmp_path, raw(), raw())


def test_a_claim_without_id_is_named_by_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="claim number 2"):
        load(tmp_path, raw(), "no claim")


@pytest.mark.parametrize("text", ["a: b", "- [", "", "\x00"])
def test_a_file_that_is_no_list_of_claims_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "claims.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=r"claims\.yaml"):
        load_claims(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_claims(tmp_path / "absent.yaml")


# -------------------------------------------------------------------------------------- showing

KEYS = (
    *("id", "topic", "system", "claim", "published", "measured", "unit", "rule"),
    *("verdict", "scale", "seeds", "source", "run_id"),
)


def three() -> list[Entry]:
    return [
        judged(raw()["rule"], 0.9),
        judged(raw()["rule"], 0.25),
        judged(raw()["rule"], 0.9, scale="paper"),
    ]


def test_the_json_has_thirteen_keys_in_order_and_null_means_not_measured() -> None:
    rows = json.loads(to_json([*three(), judged(raw()["rule"], math.nan)]))
    assert all(tuple(row) == KEYS for row in rows)
    assert [row["measured"] for row in rows] == [0.9, 0.25, None, "nan"]
    for row in rows:
        assert (row["measured"] is None) == (row["verdict"] == "not-measured")


def test_the_summary_counts_every_topic_and_verdict() -> None:
    counts = summary(three())
    assert tuple(counts) == TOPICS
    assert counts["alignment"] == {"holds": 1, "fails": 1, "not-measured": 1}
    assert counts["rift"] == {"holds": 0, "fails": 0, "not-measured": 0}


def printed(entries: list[Entry], width: int = 120, **options: bool) -> str:
    stream = io.StringIO()
    render(entries, console=Console(file=stream, width=width), **options)
    return stream.getvalue()


@pytest.mark.parametrize("width", [80, 120, 200])
def test_the_table_shows_figures_side_by_side_and_the_reason(width: int) -> None:
    text = printed(three(), width)
    assert all(len(line) <= width for line in text.splitlines())
    good, bad = (line for line in text.splitlines() if line[:1] in {"✓", "✗"})
    assert "0.99" in good
    assert "0.9 " in good
    assert "0.99" in bad
    assert "0.25" in bad
    assert "0.25 is not at least 0.5" in text
    assert "1 not-measured" in text
    assert "judged only at" not in text
    assert "rift" not in text


def test_the_table_shows_what_is_not_measured_where_asked() -> None:
    text = printed(three(), everything=True)
    assert "judged only at quick, full" in text


def test_brackets_in_a_claim_are_printed_as_they_are() -> None:
    files = {"runs/quick/evaluate/moons/metrics.json": {"lrmf": {"accuracy": {"mean": 1}}}}
    claim = Claim.model_validate(raw(claim="On [0, 1].", unit="[red]", published="[bold]"))
    text = printed([judge(claim, "quick", files.get)])
    assert all(word in text for word in ("[0, 1]", "[red]", "[bold]"))


# ---------------------------------------------------------------------------- the claims we hold


@pytest.fixture(scope="module")
def claims() -> list[Claim]:
    return load_claims(CLAIMS)


@pytest.fixture(scope="module")
def by_id(claims: list[Claim]) -> dict[str, Claim]:
    return {claim.id: claim for claim in claims}


def test_every_topic_has_claims_with_source_and_rule(claims: list[Claim]) -> None:
    assert {claim.topic for claim in claims} == set(TOPICS)
    for claim in claims:
        assert claim.source
        assert sentence(claim.rule)
        assert len(list(operands(claim.rule))) >= 1
        assert claim.claim.endswith(".")


def test_no_claim_is_stated_twice(claims: list[Claim]) -> None:
    for text, count in Counter(claim.claim for claim in claims).items():
        assert count == 1, text


def test_no_source_is_a_file_of_this_project(claims: list[Claim]) -> None:
    for claim in claims:
        for word in ("runs/", "docs/", "src/", ".md", ".yaml"):
            assert word not in claim.source


def test_nothing_is_judged_at_smoke_and_nothing_is_measured_before_a_run(
    claims: list[Claim], tmp_path: Path
) -> None:
    full = {"mean": 0.5, "std": 0.1, "min": 0.1, "max": 0.9, "seeds": 9}

    class Everything(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return full.get(key, Everything())

    assert {judge(claim, "smoke", lambda _: Everything()).verdict for claim in claims} == {
        "not-measured"
    }
    for scale in SCALES:
        entries = scorecard(claims, scale, tmp_path)
        assert [entry.id for entry in entries] == [claim.id for claim in claims]
        assert {entry.verdict for entry in entries} == {"not-measured"}


def test_every_claim_can_be_judged_where_its_figures_exist(claims: list[Claim]) -> None:
    class Everything(dict[str, Any]):
        def get(self, key: str, default: Any = None) -> Any:
            return 0.5 if key in {"mean", "std", "min", "max"} else 9 if key == "seeds" else self

    for claim in claims:
        for scale in claim.scales:
            entry = judge(claim, scale, lambda _: Everything())
            assert entry.verdict in {"holds", "fails"}, claim.id
            assert entry.seeds == 9
    assert len(json.loads(to_json(judge(c, "full", lambda _: {}) for c in claims))) == len(claims)


def test_what_the_pipeline_measures_today_is_judged(claims: list[Claim], tmp_path: Path) -> None:
    def rows(**figures: tuple[float, float, float, float]) -> dict[str, Any]:
        names = ("accuracy", "domain_accuracy", "covariance_distance", "loss")
        return {
            method.replace("_", "-"): {
                **{k: {"mean": v, "std": 0.001, "seeds": 5} for k, v in zip(names, values)},
                **{k: {"mean": 0.02, "std": 0, "seeds": 5} for k in ("mean_distance",)},
                **{k: {"mean": 50, "std": 0, "seeds": 5} for k in ("loss_initial",)},
                "kept": {"mean": values[0], "std": 0, "seeds": 5},
            }
            for method, values in figures.items()
        }

    ideal = rows(
        none=(0.96, 0.9, 0.5, 0.0),
        coral=(0.97, 0.8, 0.02, 0.0),
        back_to_back=(0.91, 0.52, 0.03, 0.0),
        lrmf_gaussian=(0.97, 0.8, 0.02, 0.01),
        lrmf_realnvp=(0.995, 0.52, 0.03, -0.01),
    )
    for pair in ("moons", "blobs", "digits"):
        write(tmp_path, f"runs/quick/evaluate/{pair}/metrics.json", ideal)
    entries = [e for e in scorecard(claims, "quick", tmp_path) if e.verdict != "not-measured"]
    assert {entry.verdict for entry in entries} == {"holds"}, [e.why for e in entries]
    assert {entry.id for entry in entries} >= {
        "alignment-moons-none",
        "alignment-moons-back-to-back",
        "alignment-moons-lrmf",
        "alignment-moons-lrmf-stable",
        "alignment-moons-lrmf-loss",
        "alignment-moons-order-flows",
        "alignment-moons-affine-only-moments",
        "alignment-blobs-gaussian-mean",
        "alignment-blobs-gaussian-covariance",
        "alignment-digits-loss",
        "alignment-digits-accuracy",
    }


def test_thresholds_of_the_moons(by_id: dict[str, Claim]) -> None:
    assert sentence(by_id["alignment-moons-none"].rule) == "within 0.03 of 0.96"
    assert sentence(by_id["alignment-moons-lrmf"].rule) == "at least 0.99"
    assert sentence(by_id["alignment-moons-lrmf-stable"].rule) == "at most 0.005"
    assert by_id["alignment-moons-lrmf-stable"].seeds == 5
    assert sentence(by_id["alignment-moons-lrmf-loss"].rule) == "between -0.1 and 0.1"
    published = ("none", 0.96), ("mmd", 0.78), ("emd", 0.72), ("back-to-back", 0.91)
    for name, figure in (*published, ("lrmf", 0.99), ("sn-gan", "0.7 to 1.0")):
        assert by_id[f"alignment-moons-{name}"].published == figure


def test_a_stand_in_is_never_judged_as_the_published_data(claims: list[Claim]) -> None:
    for claim in claims:
        words = claim.metric.file.split("/")
        if words[3] in {"gta", "maps", "synaction", "h36m", "skipose", "visda", "svhn-mnist"}:
            assert claim.scales == ("paper",), claim.id
        if "stand-in" in claim.data:
            assert "paper" not in claim.scales or claim.id.startswith("alignment-digits"), claim.id


# The tables as the talk prints them: rows of cells, "-" where there is none.

SEGMENTATION = ("acc-segm", "iou-segm", "iou-p2p", "rh", "sn")
GTA = """
cyclegan     0.23  0.16  0.20  27.43 446.9
noise        0.24  0.17  0.23  9.17  94.2
guess        0.24  0.17  0.21  11.4  212.6
guess-noise  0.236 0.17  0.24  6.1   150.6
unit         0.08  0.04  0.06  6.4   361.5
munit-cycle  0.13  0.08  0.17  2.5   244.9
pix2pix      0.4   0.34  -     -     -
"""
MAPS = """
cyclegan     0.23  0.18  0.21  21.8  251.2
noise        0.24  0.19  0.22  12.27 222.2
guess        0.24  0.184 0.224 7.5   235.4
guess-noise  0.25  0.19  0.22  -0.45 238.3
unit         0.21  0.15  0.12  19.6  528.2
munit-cycle  0.15  0.09  0.12  21.4  687.3
pix2pix      0.3   0.23  -     -     -
"""
SYNACTION = """
cyclegan     32.55 6.5
noise        22.18 1.1
guess        23.57 2.4
guess-noise  23.13 1.35
"""
PUPPETGAN = tuple(
    f"{task}-{{row}}-{column}"
    for task in ("size", "rotation")
    for column in ("acc", "r-attr", "r-rest", "v-rest")
)
DIGITS = """
puppetgan        0.73 0.85 0.02 0.02 0.97 0.40 0.11 0.01
cyclegan         0.10 0.28 0.06 0.28 0.11 0.54 0.37 0.33
dida             0.71 0.18 0.09 0.02 0.86 0.04 0.35 0.02
munit            0.96 0.06 0.09 0.01 1.00 0.00 0.15 0.01
cycle-vae        0.17 0.92 0.16 0.01 0.29 0.45 0.10 0.01
puppetgan-dagger 0.64 0.28 0.07 0.01 0.10 0.06 0.04 0.01
"""
RIFT = """
starganv2   45 82 51 59 97
munit       58 37 53 49 56
munitx      33 52 55 47 74
dritpp      18 24 55 32 20
augcyclegan 12 37 40 29 20
didd        44 67 64 58 35
rift        88 78 60 75 6
rand        12 24 49 27 9
"""
H36M = """
anipose     75 167 103 230 7.0
metapose-s1 74 87  83  95  0.2
metapose-s2 32 44  49  55  0.3
"""
SKIPOSE = """
anipose     50 62 221 273 7.0
metapose-s1 81 86 140 144 0.3
metapose-s2 42 50 53  59  0.4
"""
H36M_RIVALS = """
rhodin       65 80
canonpose    53 82
epipolarpose 71 78
iqbal        55 66
"""
SKIPOSE_RIVALS = """
canonpose    90 128
rhodin       -  85
"""
DUAL = """
dual    52.3
wgan-gp 21.5
mmd     17.1
adda    6.9
"""


OWN_CELLS = [
    ("self-defence-gta-{row}-{column}", SEGMENTATION, GTA),
    ("self-defence-maps-{row}-{column}", SEGMENTATION, MAPS),
    ("self-defence-synaction-{row}-{column}", ("mse", "sn"), SYNACTION),
    ("puppetgan-{column}", PUPPETGAN, DIGITS),
    ("rift-{row}-{column}", ("3ds", "sa", "ca", "avg", "rd"), RIFT),
    (
        "metapose-h36m-{row}-{column}",
        ("pmpjpe-4", "pmpjpe-2", "nmpjpe-4", "nmpjpe-2", "seconds"),
        H36M,
    ),
    (
        "metapose-skipose-{row}-{column}",
        ("pmpjpe-6", "pmpjpe-2", "nmpjpe-6", "nmpjpe-2", "seconds"),
        SKIPOSE,
    ),
    ("alignment-dual-study-{row}", ("share",), DUAL),
]
RIVALS = [
    ("metapose-h36m-below-{row}-{column}", ("pmpjpe", "nmpjpe"), H36M_RIVALS),
    ("metapose-skipose-below-{row}-{column}", ("pmpjpe", "nmpjpe"), SKIPOSE_RIVALS),
]


def cells(tables: list[tuple[str, tuple[str, ...], str]]) -> dict[str, float]:
    """Claim id and printed figure of every cell."""
    found = {}
    for template, columns, table in tables:
        for line in table.strip().splitlines():
            row, *figures = line.split()
            assert len(figures) == len(columns)
            for column, figure in zip(columns, figures):
                if figure != "-":
                    ident = template.format(row=row, column=column.format(row=row))
                    found[ident] = float(figure)
    return found


def test_every_cell_of_every_table_is_a_claim(by_id: dict[str, Claim]) -> None:
    printed_cells = cells(OWN_CELLS + RIVALS)
    assert len(printed_cells) == 32 + 32 + 8 + 48 + 40 + 15 + 15 + 4 + 8 + 3
    for ident, figure in printed_cells.items():
        assert by_id[ident].published == figure, ident


def test_the_rules_are_true_of_the_published_figures(claims: list[Claim]) -> None:
    """Cells, orderings and ratios alike: a rule that the talk itself breaks is a wrong rule."""
    files: dict[str, Any] = {}
    printed_cells = cells(OWN_CELLS)
    for claim in claims:
        if claim.id in printed_cells:
            place = files.setdefault(claim.metric.file.replace("{scale}", "paper"), {})
            *parents, last = claim.metric.field.split(".")
            for key in parents:
                place = place.setdefault(key, {})
            place[last] = printed_cells[claim.id]
    for claim in claims:
        entry = judge(claim.model_copy(update={"scales": ("paper",)}), "paper", files.get)
        assert entry.verdict != "fails", (claim.id, entry.why)
        assert entry.verdict == "holds" or claim.id not in printed_cells
    judged_too = {"rift-best-average", "rift-32px-best", "self-defence-maps-defences-rh"}
    assert judged_too <= {
        claim.id
        for claim in claims
        if judge(claim.model_copy(update={"scales": ("paper",)}), "paper", files.get).measured
    }


@pytest.mark.parametrize(
    ("ident", "published"),
    [
        ("alignment-vanishing-slope", 0.60182),
        ("alignment-vanishing-intercept", -1.16879),
        ("alignment-lrmf-gaussian-closed-form", 1.6094),
        ("alignment-lrmf-disjoint-plateau", 1.3863),
        ("alignment-glow-stalls", "310 to 320"),
        ("metapose-h36m-above-iskakov", 20),
        ("syn2real-visda-alexnet-dan-validation", 51.62),
    ],
)
def test_published_figures_outside_the_tables(
    by_id: dict[str, Claim], ident: str, published: float | str
) -> None:
    assert by_id[ident].published == published

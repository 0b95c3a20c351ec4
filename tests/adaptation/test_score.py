"""What the score makes of accuracies: recovered gaps, and the adapter that validation chooses."""

from __future__ import annotations

import pytest

from isthmus.metrics.summary import summary
from isthmus.stages.adaptation_score import add_recovered, chosen


def figures(*pairs):
    return [{"validation_accuracy": v, "test_accuracy": t} for v, t in pairs]


def test_recovered_gaps_are_seed_by_seed():
    found = {
        "source-only": figures((40, 30), (50, 30)),
        "dan": figures((60, 30), (50, 90)),
        "oracle": figures((80, 90), (90, 90)),
    }
    add_recovered(found)
    assert [each["validation_gap_recovered"] for each in found["dan"]] == pytest.approx([0.5, 0])
    assert [each["test_gap_recovered"] for each in found["dan"]] == pytest.approx([0, 1])
    assert "test_gap_recovered" not in found["oracle"][0]


def test_validation_chooses_and_not_the_test():
    metrics = {
        name: {"validation_accuracy": summary([v]), "test_accuracy": summary([t])}
        for name, v, t in [("source-only", 99, 1), ("oracle", 99, 1), ("a", 60, 40), ("b", 50, 90)]
    }
    assert chosen(metrics)["chosen"]["adapter"] == "a"
    assert chosen(metrics)["chosen"]["test_accuracy"]["mean"] == 40
    assert chosen({name: metrics[name] for name in ("source-only", "oracle")}) == {}

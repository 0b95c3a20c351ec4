from __future__ import annotations

from isthmus.report.page import table, with_contents


def test_the_contents_lead_to_every_part() -> None:
    page = with_contents("<nav></nav><h2>One</h2><p>1</p><h2>Two &amp; three</h2>")
    assert page == (
        '<nav><a href="#part-1">One</a> · <a href="#part-2">Two &amp; three</a></nav>'
        '<h2 id="part-1">One</h2><p>1</p><h2 id="part-2">Two &amp; three</h2>'
    )


def test_a_table_holds_means_and_deviations_over_seeds_of_its_own_rows() -> None:
    rows = [
        {"stage": "evaluate", "pair": "moons", "method": "lrmf", "loss": 0.25, "rate": 50.0},
        {"stage": "evaluate", "pair": "moons", "method": "lrmf", "loss": 0.75, "rate": 70.0},
        {"stage": "evaluate", "pair": "moons", "method": "none", "rate": 99.96},
        {"stage": "evaluate", "pair": "blobs", "method": "lrmf", "loss": 9.0},
        {"stage": "decode", "pair": "moons", "method": "lrmf", "loss": 9.0},
    ]
    assert table(rows, "evaluate", "moons", ("loss", "rate")) == {
        "lrmf": {"loss": "0.500 ± 0.354", "rate": "60.0 ± 14.1"},
        "none": {"rate": "100.0"},
    }

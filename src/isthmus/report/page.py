"""The HTML report: one self-contained page, figures inside."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path
from typing import Any

import jinja2
import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from isthmus.config import Config
from isthmus.metrics.summary import summary
from isthmus.report.pose_table import columns, pose_table
from isthmus.report.scorecard import VERDICTS, Entry
from isthmus.report.scorecard import summary as counts
from isthmus.report.studies import STUDIES
from isthmus.translation.sets import SETS

COLUMNS = (
    "accuracy",
    "kept",
    "domain_accuracy",
    "mean_distance",
    "covariance_distance",
    "mmd",
    "emd",
    "loss",
    "loss_error",
)


def render(
    config: Config,
    entries: list[Entry],
    rows: list[dict[str, Any]],
    times: list[dict[str, Any]],
    links: dict[str, tuple[str, str]],
    machine: dict[str, Any],
) -> str:
    """The page's HTML.

    Args:
        config: Parameters of the scale.
        entries: The judged claims.
        rows: Result rows, each with its own configuration.
        times: Time and memory of each stage instance.
        links: Experiment and run id in MLflow by stage instance.
        machine: Where the page is made.
    """
    runs = Path("runs") / config.scale
    factors = {str(name): tuple(SETS[name].roles) for name in config.sets}
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined)
    template = environment.from_string(Path(__file__).with_name("page.html").read_text())
    return template.render(
        config=config,
        entries=entries,
        studies={name.replace("_", "-"): text for name, text in STUDIES.items()},
        comparison=json.loads((runs / "evaluate" / "comparison" / "table.json").read_text()),
        verdicts=VERDICTS,
        summary=counts(entries),
        columns=COLUMNS,
        tables={pair: table(rows, "evaluate", pair, COLUMNS) for pair in config.pairs},
        factors=factors,
        manipulated={
            name: table(rows, "evaluate", name, (*names, "common", "specific", "accuracy"))
            for name, names in factors.items()
        },
        decoded={
            pair: table(rows, "decode", pair, ("accuracy", "kept")) for pair in config.digit_pairs
        },
        poses={rig: pose_table(runs, rig) for rig in config.rigs},
        pose_columns={rig: columns(runs, rig) for rig in config.rigs},
        seeds={pair: config.prefit[pair].seeds for pair in config.pairs},
        curves={pair: _loss_curve(runs, config, pair) for pair in config.pairs},
        accuracy={source: _accuracy(runs, source) for source in config.sources},
        times=sorted(times, key=lambda each: each["started"]),
        seconds={each["key"]: each["seconds"] for each in times},
        keys={(row["pair"], row["method"]): row["key"] for row in rows},
        links=links,
        machine=machine,
        image=lambda path: _embedded((runs / path).read_bytes()),
        shown=_shown,
    )


def table(
    rows: list[dict[str, Any]], stage: str, pair: str, columns: tuple[str, ...]
) -> dict[str, dict[str, str]]:
    """A table of a pair, from result rows only: by method and column, mean ± deviation over seeds.

    Args:
        rows: Result rows with `stage`, `pair`, `method` and figures.
        stage: Which stage's rows to take.
        pair: Which pair's rows to take.
        columns: Which figures; a method without a figure lacks the key.
    """
    out: dict[str, dict[str, str]] = {}
    for method in dict.fromkeys(r["method"] for r in rows if r["pair"] == pair):
        mine = [r for r in rows if (r["stage"], r["pair"], r["method"]) == (stage, pair, method)]
        cells = {c: [r[c] for r in mine if c in r] for c in columns}
        out[method] = {c: _cell(values) for c, values in cells.items() if values}
    return out


def _cell(values: list[float]) -> str:
    numbers = summary(values)
    spread = f" ± {numbers['std']:.3f}" if numbers["seeds"] > 1 else ""
    return f"{numbers['mean']:.3f}{spread}"


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _accuracy(runs: Path, source: str) -> str:
    found = json.loads((runs / "attributes" / source / "metrics.json").read_text())
    return f"{100 * found['accuracy']:.1f} % ± {100 * found['accuracy_error']:.1f} held out"


def _loss_curve(runs: Path, config: Config, pair: str) -> str:
    figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
    for family in config.families:
        path = runs / "align" / pair / f"lrmf-{family}" / "curves.json"
        curve = json.loads(path.read_text())["loss_nats"]
        if family == "gaussian":
            continue
        axes.plot(curve["step"], np.transpose(curve["value"]), linewidth=0.9)
    axes.axhline(0, color="black", linewidth=1, linestyle="--", label="known zero")
    axes.set_xlabel("step")
    axes.set_ylabel("LRMF loss, nats")
    if axes.get_ylim()[1] > 10:
        axes.set_yscale("symlog", linthresh=1)
    axes.legend()
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110)
    plt.close(figure)
    return _embedded(buffer.getvalue())


def _embedded(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"

"""The HTML report: one self-contained page, figures inside."""

from __future__ import annotations

import base64
import io
import json
import re
from pathlib import Path
from typing import Any

import jinja2
import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib import pyplot as plt

from isthmus.config import Config
from isthmus.metrics.summary import summary
from isthmus.report.adaptation import adapted
from isthmus.report.honesty import FIGURES as HONESTY
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
PUPPET_COLUMNS = (
    "accuracy",
    "r_attr",
    "r_attr_sequence",
    "r_rest",
    "r_rest_step",
    "v_rest",
    "r_real_attr",
    "slope_inside",
    "slope_outside",
    "j_attr",
    "j_rest",
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
    page = template.render(
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
        puppets={
            str(task): table(rows, "evaluate", f"puppetgan-{task}", PUPPET_COLUMNS)
            for task in config.puppet_tasks
        },
        puppet_columns=PUPPET_COLUMNS,
        audits=json.loads((runs / "evaluate" / "sensitivity" / "metrics.json").read_text()),
        decoded={
            pair: table(rows, "decode", pair, ("accuracy", "kept")) for pair in config.digit_pairs
        },
        honesty={name: honesty_table(rows, name) for name in config.paired_sets},
        adapted={
            name: table(rows, "evaluate", name, shown) for name, shown in adapted(config).items()
        },
        adapted_columns=adapted(config),
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
    return with_contents(page)


def with_contents(page: str) -> str:
    """A page whose `<h2>` have anchors, to which its `<nav></nav>` leads."""
    links: list[str] = []

    def anchored(found: re.Match[str]) -> str:
        name = f"part-{len(links) + 1}"
        links.append(f'<a href="#{name}">{found[1]}</a>')
        return f'<h2 id="{name}">{found[1]}</h2>'

    page = re.sub("<h2>(.*?)</h2>", anchored, page)
    return page.replace("<nav></nav>", f"<nav>{' · '.join(links)}</nav>")


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


def honesty_table(rows: list[dict[str, Any]], name: str) -> dict[str, dict[str, str]]:
    """The table of a set of the self-defence, with the figures that its methods have, in words."""
    found = table(rows, "evaluate", name, tuple(HONESTY))
    return {
        method: {HONESTY[key]: cell for key, cell in cells.items()}
        for method, cells in found.items()
    }


def _cell(values: list[float]) -> str:
    numbers = summary(values)
    digits = 3 if abs(numbers["mean"]) < 10 else 1
    spread = f" ± {numbers['std']:.{digits}f}" if numbers["seeds"] > 1 else ""
    return f"{numbers['mean']:.{digits}f}{spread}"


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

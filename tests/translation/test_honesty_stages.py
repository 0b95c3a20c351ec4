"""The stages of the self-defence on toy sizes: two seeds, a set with and one without a palette."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from isthmus.stages import defend, honesty, paired
from isthmus.translation.stored import stored
from isthmus.translation.trainer import Trainer

ROOT = Path(__file__).parents[2]
SETS, METHODS = ("scenes", "stick-figures"), ("cyclegan", "munit-cycle", "pix2pix")
SMALL: dict[str, Any] = {
    "paired_sets": list(SETS),
    "defences": list(METHODS),
    "paired": {name: {"size": 32, "train_size": 8, "test_size": 20} for name in SETS},
    "defence": {
        "seeds": 2,
        "networks": {"width": 4, "blocks": 1, "discriminator_width": 4},
        "training": {"steps": 2, "batch_size": 2},
    },
    "honesty": {"probe_steps": 2},
}


def project(folder: Path) -> None:
    """A project with these sizes at `smoke`."""
    shutil.copy(ROOT / "params.yaml", folder)
    overlays = folder / "workflow" / "scales"
    shutil.copytree(ROOT / "workflow" / "scales", overlays)
    smoke = yaml.safe_load((overlays / "smoke.yaml").read_text())
    (overlays / "smoke.yaml").write_text(yaml.safe_dump(smoke | SMALL))


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which the stages have run."""
    folder = tmp_path_factory.mktemp("project")
    project(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for name in SETS:
            of = ["--scale", "smoke", "--paired_set", name]
            paired.main(of)
            for method in METHODS:
                defend.main([*of, "--defence", method])
            honesty.main(of)
    return folder / "runs" / "smoke"


@pytest.mark.parametrize(
    ("name", "own", "others"),
    [
        ("scenes", {"accuracy", "iou", "cheating_index"}, {"mse"}),
        ("stick-figures", {"mse"}, {"accuracy", "cheating_index", "iou_p2p"}),
    ],
)
def test_every_method_has_its_figures_over_both_seeds(
    name: str, own: set[str], others: set[str], done: Path
) -> None:
    metrics = json.loads((done / "evaluate" / name / "metrics.json").read_text())
    assert ("honest-floor" in metrics) == (name == "scenes")
    for method in METHODS:
        figures = metrics[method]
        assert {"rh", "sn", "sn_3_256", "cycle_error", "hidden_r2", *own} <= set(figures)
        assert not others & set(figures)
        assert figures["cycle_error"]["seeds"] == 2
        first, second = figures["cycle_error"]["values"]
        assert first != second
        for figure in ("cycle_error", "rh"):
            same = figures[f"{figure}_other_guide"]["values"] == figures[figure]["values"]
            assert same == (method != "munit-cycle")
    rows = json.loads((done / "evaluate" / name / "rows.json").read_text())
    assert [(row["method"], row["seed_index"]) for row in rows] == [
        (method, index) for method in METHODS for index in range(2)
    ]
    assert rows[0]["rh"] == metrics["cyclegan"]["rh"]["values"][0]


def test_frames_are_seen_through_another_network_than_those_that_made_them(done: Path) -> None:
    metrics = json.loads((done / "evaluate" / "scenes" / "metrics.json").read_text())
    assert {method for method in METHODS if "iou_p2p" in metrics[method]} == set(METHODS) - {
        "pix2pix"
    }


def test_the_curves_begin_and_end_where_the_figures_are(done: Path) -> None:
    home = done / "evaluate" / "scenes"
    curves = json.loads((home / "levels.json").read_text())["cyclegan"]
    metrics = json.loads((home / "metrics.json").read_text())["cyclegan"]
    assert curves["sigmas"]["0.0"]["mean"] == 0
    assert curves["sigmas"]["0.1"]["values"] == metrics["sn"]["values"]
    assert list(curves["levels"]) == ["1", "128", "16", "2", "32", "4", "8"]
    assert all(
        (home / name).read_bytes()[:4] == b"\x89PNG" for name in ("curves.png", "cycles.png")
    )


@pytest.mark.parametrize("method", METHODS)
def test_the_first_seeds_networks_are_kept_as_a_model(method: str, done: Path) -> None:
    model = stored(done / "defend" / "scenes" / method)
    assert model.config["width"] == 4


def test_a_seed_that_was_done_is_not_trained_again(
    done: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(tmp_path)
    shutil.copytree(done / "paired", tmp_path / "runs" / "smoke" / "paired")
    monkeypatch.chdir(tmp_path)
    advance, steps = Trainer._advance, []

    def counted(trainer: Trainer[Any]) -> dict[str, float]:
        steps.append(trainer.seed)
        if len(steps) == 4:
            raise KeyboardInterrupt
        return advance(trainer)

    monkeypatch.setattr(Trainer, "_advance", counted)
    of = ["--scale", "smoke", "--paired_set", "scenes", "--defence", "cyclegan"]
    with pytest.raises(KeyboardInterrupt):
        defend.main(of)
    first, second = steps[0], steps[-1]
    defend.main(of)
    assert steps == [first, first, second, second, second, second]
    assert not [*Path(".isthmus/checkpoints").iterdir()]
    for name in ("members.safetensors", "curves.json"):
        made = Path("runs/smoke/defend/scenes/cyclegan") / name
        assert made.read_bytes() == (done / "defend" / "scenes" / "cyclegan" / name).read_bytes()

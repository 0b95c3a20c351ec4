"""Audits of tables, also from the command line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.audit.tables import meet
from isthmus.cli import app
from isthmus.data import puppet_faces
from isthmus.data.table import Table, write_table
from isthmus.errors import InputError
from isthmus.networks.storage import save
from isthmus.translation.cyclevae import CycleVae
from isthmus.translation.sets import SETS

SIDE = 16


class Copy(CycleVae):
    """Gives back the guide."""

    def translate(self, x: Tensor, direction: str, guide: Tensor | None = None) -> Tensor:
        assert guide is not None
        return guide


def dark(x: Tensor) -> Tensor:
    return (x.mean((1, 2, 3)) < 0.5).long()


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both domains of 3DS-A."""
    path = tmp_path_factory.mktemp("scenes") / "test.parquet"
    write_table(SETS["3ds-a"].load(size=SIDE, train_size=4, test_size=40, seed=0)["test"], path)
    return path


def digits(path: Path, rows: int) -> Path:
    codes = np.arange(rows) % 2
    values = np.broadcast_to(codes[:, None, None, None] * 255, (rows, 8, 8, 1)).astype(np.uint8)
    table = Table(
        kind="images",
        values=np.ascontiguousarray(values),
        factors={"bright": codes, "step": np.zeros(rows, np.int64)},
        levels={"bright": ("no", "yes"), "step": ("first", "absent")},
        source="a test",
    )
    write_table(table, path)
    return path


def test_every_original_meets_every_value_that_there_is(tmp_path: Path) -> None:
    path = digits(tmp_path / "table.parquet", 6)
    model = Copy(side=8, width=4, levels=2)
    found = meet(model, path, path, factor="bright", label="bright", each=3)
    assert found.names == ("no", "yes")
    assert len(found.images) == 6 * 2 * 3
    assert np.array_equal(found.level, found.images[:, 0, 0, 0] // 255)
    assert np.array_equal(np.bincount(found.source), np.full(6, 6))
    found = meet(model, path, path, factor="step", label="bright")
    assert set(found.level) == {0}


class Deaf(CycleVae):
    """Gives back the source under every guide."""

    def translate(self, x: Tensor, direction: str, guide: Tensor | None = None) -> Tensor:
        return x


def test_a_translator_that_does_not_heed_its_guide_is_refused(tmp_path: Path) -> None:
    path = digits(tmp_path / "table.parquet", 6)
    with pytest.raises(InputError, match="moves no factor"):
        meet(Deaf(side=8, width=4, levels=2), path, path, factor="bright", label="bright")


def test_a_guide_that_is_copied_keeps_what_is_its_own(scenes: Path) -> None:
    """The true counterfactual has the guide's size and the source's shape."""
    model = Copy(channels=3, side=SIDE, width=4, levels=2)
    meeting = meet(model, scenes, scenes, factor="size", label="shape", rendered="3ds-a")
    assert len(meeting.names) == SETS["3ds-a"].levels["size"]
    assert meeting.true is not None
    true = SETS["3ds-a"].decode(meeting.true)
    right = (true["size"] == meeting.level) & (true["shape"] == meeting.right)
    assert right.mean() > 0.9
    assert (SETS["3ds-a"].decode(meeting.images)["size"] == meeting.level).mean() > 0.9
    for flip in meeting.flips(lambda images: np.arange(len(images)), count=3):
        row = np.flatnonzero((meeting.images == flip.moved).all((1, 2, 3)))[0]
        assert flip.level == meeting.names[meeting.level[row]]


def test_the_truth_of_mouths_is_rendered(tmp_path: Path) -> None:
    sizes = {"real_train": 2, "real_test": 5, "triplets": 2, "sequences": 3}
    made = puppet_faces.load(SIDE, **sizes, far=False, seed=0)
    paths = [tmp_path / name for name in ("test.parquet", "sequences.parquet")]
    for path, table in zip(paths, (made.real["test"], made.sequences), strict=True):
        write_table(table, path)
    model = Copy(channels=3, side=SIDE, width=4, levels=2)
    asked = {"factor": "step", "label": "expression", "rendered": "mouth"}
    found = meet(model, *paths, **asked)  # type: ignore[arg-type]
    steps = len(made.sequences.levels["step"])
    assert found.true is not None and len(found.true) == len(found.images) == 5 * steps
    true = found.true.reshape(5, steps, 1, -1).astype(int)
    originals = found.originals.reshape(5, -1).astype(int)
    nearest = np.abs(true - originals).mean(-1).argmin(-1)
    assert (nearest == np.arange(5)[:, None]).all()
    right = found.right.reshape(5, steps)
    assert (right == right[0]).all() and right[0, 0] == 0 and right[0, -1] == 1
    assert (np.diff(right[0]) >= 0).all()
    kept = meet(model, *paths, **asked | {"label": "hair_colour"})  # type: ignore[arg-type]
    assert np.array_equal(kept.right, kept.labels[kept.source])
    for change, problem in (({"factor": "sequence"}, "'step'"), ({"guides": paths[0]}, "step")):
        with pytest.raises(InputError, match=problem):
            meet(model, paths[0], **{"guides": paths[1]} | asked | change)  # type: ignore[arg-type]


@pytest.mark.parametrize("change", [{"factor": "hat"}, {"label": "hat"}, {"rendered": "hat"}])
def test_what_is_not_there_is_named(change: dict[str, str], tmp_path: Path) -> None:
    path = digits(tmp_path / "table.parquet", 4)
    with pytest.raises(InputError, match="hat"):
        meet(
            Copy(side=8, width=4, levels=2),
            path,
            path,
            **{"factor": "step", "label": "bright"} | change,
        )


def test_tables_that_do_not_fit_are_named(scenes: Path, tmp_path: Path) -> None:
    grey = digits(tmp_path / "grey.parquet", 4)
    colour, black = (Copy(channels=c, side=SIDE, width=4, levels=2) for c in (3, 1))

    def refused(problem: str, model: Copy, a: Path, b: Path, **more: str) -> None:
        with pytest.raises(InputError, match=problem):
            meet(model, a, b, **{"factor": "size", "label": "shape"} | more)  # type: ignore[arg-type]

    refused("grey.parquet: has images of 1 channels", colour, grey, scenes, label="bright")
    refused("grey.parquet: has images of 1 channels", colour, scenes, grey, factor="bright")
    refused("test.parquet: has images of 3 channels", black, scenes, scenes)
    refused("yaw: is absent", colour, scenes, scenes, rendered="celeba")
    refused("identity: is absent", colour, scenes, scenes, rendered="synaction")


def test_the_command_writes_a_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    path = digits(tmp_path / "table.parquet", 8)
    save(CycleVae(side=8, width=4, levels=2, attribute=2, rest=2), tmp_path / "model")
    options = {
        "model": f"{__name__}:dark",
        "translator": tmp_path / "model",
        "originals": path,
        "guides": path,
        "factor": "bright",
        "label": "bright",
        "out": tmp_path / "out",
    }
    arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["isthmus", "audit", "sensitivity", *arguments])
    with pytest.raises(SystemExit) as end:
        app()
    assert not end.value.code
    said = capsys.readouterr().out
    report = json.loads((tmp_path / "out" / "report.json").read_text())
    assert report["levels"] == ["no", "yes"]
    assert report["predicted"]["original_accuracy"]["value"] == 0
    assert f"{8 * 2} images" in said
    assert {each.name for each in (tmp_path / "out").iterdir()} == {
        "report.json",
        "responses.png",
        "flips.png",
    }

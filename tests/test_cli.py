"""The command line, as a user calls it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from isthmus.cli import app
from isthmus.data.points import read_points, write_points

ROOT = Path(__file__).parents[1]


def process(*arguments, cwd=ROOT):
    """A process of its own, as a user has it."""
    code = "from isthmus.cli import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=cwd, capture_output=True, text=True
    )


@pytest.fixture
def isthmus(monkeypatch, capsys):
    """The same within this process, which has the libraries."""

    def call(*arguments, cwd=ROOT):
        monkeypatch.chdir(cwd)
        monkeypatch.setattr(sys, "argv", ["isthmus", *arguments])
        with pytest.raises(SystemExit) as end:
            app()
        said = capsys.readouterr()
        return subprocess.CompletedProcess(arguments, end.value.code or 0, said.out, said.err)

    return call


def test_every_command_is_explained():
    done = process("--help")
    assert done.returncode == 0
    for name in ("scorecard", "ui", "plan", "explain", "handover", "scale", "publish", "compare"):
        assert name in done.stdout


def test_the_scorecard_is_the_designs_json(isthmus):
    done = isthmus("scorecard", "--scale", "smoke", "--json")
    entries = json.loads(done.stdout)
    keys = "id topic system claim published measured unit rule verdict scale seeds source run_id"
    assert {tuple(sorted(entry)) for entry in entries} == {tuple(sorted(keys.split()))}
    assert {entry["verdict"] for entry in entries} == {"not-measured"}


def test_a_plan_names_what_makes_a_file_and_runs_nothing(isthmus):
    done = isthmus("plan", "runs/quick/align/moons/lrmf-realnvp/aligned.parquet")
    assert done.returncode == 0
    stages = [line.split()[0] for line in done.stdout.splitlines() if "(seed" in line]
    assert stages == ["points@moons", "prefit@moons", "lrmf@moons-realnvp"]
    assert "--pair moons --family realnvp" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "nothing-makes-this"), "nothing-makes-this"),
        (("explain", "no-such-stage"), "no-such-stage"),
        (("scorecard", "--scale", "huge"), "'huge' is no scale"),
        (("scale", "huge"), "'huge' is no scale"),
    ],
)
def test_unusable_input_ends_in_one_line(isthmus, arguments, said):
    done = isthmus(*arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_outside_the_project_the_missing_file_is_named(tmp_path):
    done = process("scorecard", cwd=tmp_path)
    assert done.returncode == 2
    assert "params.yaml" in done.stderr
    assert "Traceback" not in done.stderr


def test_switching_scales_and_back_leaves_the_file_as_it_was(isthmus, tmp_path):
    (tmp_path / "workflow" / "scales").mkdir(parents=True)
    for name in ("params.yaml", "workflow/scales/smoke.yaml", "workflow/scales/full.yaml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    before = (tmp_path / "params.yaml").read_text()
    for name, written in (("smoke", "smoke"), ("full", "full"), ("quick", "quick")):
        assert isthmus("scale", name, cwd=tmp_path).returncode == 0
        assert f"scale: {written}\n" in (tmp_path / "params.yaml").read_text()
    assert (tmp_path / "params.yaml").read_text() == before


@pytest.mark.parametrize(
    ("method", "suffix"),
    [("coral", "csv"), ("lrmf-realnvp", "npy")],
)
def test_points_of_ones_own_are_aligned(isthmus, tmp_path, method, suffix):
    draw = np.random.default_rng(0)
    a, b = draw.normal(3, 2, (200, 2)), draw.normal(0, 5, (200, 2))
    write_points(a, tmp_path / "a.npy")
    write_points(b, tmp_path / f"b.{suffix}")
    out = tmp_path / f"c.{suffix}"
    files = (str(tmp_path / "a.npy"), str(tmp_path / f"b.{suffix}"), "--out", str(out))
    done = isthmus("align", method, *files, "--steps", "60")
    assert done.returncode == 0, done.stderr
    moved, _ = read_points(out)
    assert abs(moved.mean(0) - b.mean(0)).max() < 2 < abs(a.mean(0) - b.mean(0)).min()
    assert out.with_suffix(".png").stat().st_size > 1000
    assert ("nats" in done.stdout) == method.startswith("lrmf")


def test_points_that_do_not_fit_are_refused(isthmus, tmp_path):
    write_points(np.eye(3), tmp_path / "a.npy")
    write_points(np.eye(4), tmp_path / "b.npy")
    a, b, c = (str(tmp_path / f"{name}.npy") for name in "abc")
    for arguments, said in (
        (("coral", a, b, "--out", c), "3"),
        (("nothing", a, a, "--out", c), "no such method"),
        (("coral", a, a, "--out", "c.txt"), "unknown kind"),
    ):
        done = isthmus("align", *arguments)
        assert done.returncode == 2
        assert said in done.stderr


def test_the_distance_of_ones_own_points_stands_beside_noise(isthmus, tmp_path):
    draw = np.random.default_rng(0)
    write_points(draw.normal(1, 1, (80, 2)), tmp_path / "a.csv")
    write_points(draw.normal(0, 1, (90, 2)), tmp_path / "b.npy")
    picture = tmp_path / "p.png"
    files = (str(tmp_path / "a.csv"), str(tmp_path / "b.npy"), "--picture", str(picture))
    done = isthmus("distance", "emd", *files)
    assert done.returncode == 0, done.stderr
    assert "two samples of one law" in done.stdout
    assert "p = 0.048" in done.stdout
    assert picture.stat().st_size > 1000
    refused = isthmus("distance", "nothing", *files)
    assert refused.returncode == 2
    assert "no such method" in refused.stderr


def test_a_copy_of_the_source_keeps_content_and_takes_no_style(isthmus, tmp_path):
    draw = np.random.default_rng(0)
    rows = []
    for index in range(400):
        floor, wall, hue, size, shape, turn = (draw.integers(k) for k in (10, 10, 10, 8, 4, 15))
        in_a = [floor, wall, hue, 5, shape, 0, 1]
        rows.append(in_a if index % 2 == 0 else [0, 7, hue, size, shape, turn, 2])
    names = [f"{index:07d}.png" for index in range(400)]
    original, translated = tmp_path / "original.txt", tmp_path / "translated.txt"
    original.write_text(
        "".join(f"{n} {' '.join(map(str, row))}\n" for n, row in zip(names, rows, strict=True))
    )
    pairs = [(index, (index + 1) % 400) for index in range(400)]
    translated.write_text(
        "".join(
            f"{names[c][:-4]}_{names[g][:-4]}_.png {' '.join(map(str, rows[c]))}\n"
            for c, g in pairs
        )
    )
    files = ("--original", str(original), "--translated", str(translated))
    done = isthmus("score", "--dataset", "shapes3d-a", *files, "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["content_preservation"] == 1
    assert found["style_translation"] == 0
    assert found["bias"] == 0
    assert isthmus("score", "--dataset", "shapes3d-a", *files).stdout.startswith("translation")
    refused = isthmus("score", "--dataset", "shapes", *files)
    assert refused.returncode == 2
    assert "shapes3d-a" in refused.stderr


@pytest.fixture
def cyclegan(tmp_path):
    """A folder with a small translator."""
    from isthmus.networks.storage import save
    from isthmus.translation.cyclegan import CycleGan

    save(CycleGan(width=4, blocks=1, fold=2, discriminator_width=4, levels=1), tmp_path / "model")
    return tmp_path / "model"


def test_an_audit_says_how_much_a_model_hides_and_writes_it_down(isthmus, cyclegan, tmp_path):
    from isthmus.data.segmented_scenes import load
    from isthmus.data.table import write_table

    data, out = tmp_path / "test.parquet", tmp_path / "audit"
    write_table(load(16, train_size=2, test_size=20, seed=0)["test"], data)
    options = ["--set", "scenes", "--steps", "2", "--out", str(out)]
    done = isthmus("audit", "honesty", str(cyclegan), str(data), *options)
    assert done.returncode == 0
    assert "RH " in done.stdout and "cheating index -" in done.stdout
    written = json.loads((out / "audit.json").read_text())
    assert f"RH {written['figures']['rh']:.3f}" in done.stdout
    assert len(written["levels"]) == 7
    assert {path.name for path in out.iterdir()} == {"audit.json", "curves.png", "cycles.png"}
    refused = isthmus("audit", "honesty", str(cyclegan), str(data), "--set", "streets")
    assert refused.returncode == 2 and "use one of scenes" in refused.stderr


def test_a_folder_is_translated_and_what_is_damaged_is_named(isthmus, cyclegan, tmp_path):
    from PIL import Image

    inputs, out = tmp_path / "in", tmp_path / "out"
    inputs.mkdir()
    Image.new("RGB", (30, 20), "red").save(inputs / "red.png")
    call = ["translate", "--model", str(cyclegan), "--input", str(inputs), "--out", str(out)]
    done = isthmus(*call, "--size", "16")
    assert (done.returncode, done.stderr.strip()) == (0, "")
    assert sorted(path.name for path in out.iterdir()) == ["_sheet.png", "red.png"]
    (inputs / "torn.png").write_bytes(b"")
    done = isthmus(*call, "--size", "16")
    assert done.returncode == 1 and "torn.png" in done.stderr
    assert isthmus(*call).returncode == 2


def test_predictions_are_scored_as_visda_does(isthmus, tmp_path):
    labels, predictions = tmp_path / "image_list.txt", tmp_path / "predictions.txt"
    labels.write_text("".join(f"{k}/{k}.png {k}\n" for k in range(13)))
    predictions.write_text("".join(f"{k}\n" for k in [0] * 12 + [12]))
    files = ("--labels", str(labels), "--predictions", str(predictions))
    done = isthmus("visda", *files, "--open-set", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["unk"] == 100
    assert found["os_star"] == pytest.approx(100 / 12)
    assert found["by_class"]["aeroplane"] == found["by_class"]["unknown"] == 100
    assert "hos" in isthmus("visda", *files, "--open-set").stdout
    refused = isthmus("visda", *files)
    assert refused.returncode == 2
    assert "line 13: 12 is not a class" in refused.stderr


@pytest.mark.parametrize(
    "command",
    [
        "audit honesty nowhere nowhere --out {}",
        "audit sensitivity --model m:f --translator t --originals o --guides g --factor f --label l"
        " --out {}",
    ],
)
def test_a_file_is_no_folder_to_write_to(isthmus, command, tmp_path):
    (tmp_path / "out").write_text("mine")
    found = isthmus(*command.format(tmp_path / "out").split())
    assert found.returncode == 2
    assert "is a file. Mend: give a folder" in found.stderr

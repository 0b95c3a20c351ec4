from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isthmus.errors import InputError
from isthmus.networks.distributed import group

ROOT = Path(__file__).parents[2]
MADE = Path("runs/smoke/translate/celeba/cyclegan")
TRAIN = ["isthmus.stages.translate", "--scale", "smoke", "--translator", "cyclegan"]
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the parameter files."""
    (tmp_path / "workflow").mkdir()
    (tmp_path / "params.yaml").symlink_to(ROOT / "params.yaml")
    (tmp_path / "workflow" / "scales").symlink_to(ROOT / "workflow" / "scales")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return tmp_path


def run(*arguments: str) -> str:
    command = [sys.executable, "-m", *arguments, "--set", "celeba"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def curves() -> dict[str, Any]:
    return json.loads((MADE / "curves.json").read_text())


def test_the_stage_trains_in_two_processes_as_in_one(home: Path) -> None:
    """CycleGAN draws nothing in a step, and its losses are means over images."""
    run("isthmus.stages.scenes", "--scale", "smoke")
    run(*TRAIN)
    alone, files = curves(), sorted(os.listdir(MADE))
    run(*TORCHRUN, *TRAIN)
    together = curves()
    assert sorted(os.listdir(MADE)) == files
    assert not list((home / ".isthmus").glob("checkpoints/*"))
    assert together.keys() == alone.keys()
    for name, curve in together.items():
        tolerance = {"rtol": 0.02, "atol": 1e-4}
        np.testing.assert_allclose(curve["value"], alone[name]["value"], **tolerance, err_msg=name)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match="GPUs"), group("cuda"):
        pass

"""A copy of this project in a folder of its own, at scale smoke, to run both engines in."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
INSTALLED = Path(sys.executable).parent
NEEDED = ("src", "workflow", "Snakefile", "dvc.yaml", "params.yaml", "claims.yaml", ".dvcignore")
STAGES = ("coral@moons", "back_to_back@moons", "lrmf@moons-gaussian")
ALL = sorted([*STAGES, "points@moons", "prefit@moons"])
FILES = tuple(
    f"runs/smoke/align/moons/{method}/record.json"
    for method in ("coral", "back-to-back", "lrmf-gaussian")
)


class Project:
    """A copy of this project that runs on its own source files.

    Args:
        folder: Where it is.
        python: Folder of the `python` that runs its stages.
    """

    def __init__(self, folder: Path, python: Path = INSTALLED) -> None:
        self.folder = folder
        self.python = python

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command in it, with this environment's engines."""
        path = os.pathsep.join([str(self.python), str(INSTALLED), os.environ["PATH"]])
        environment = os.environ | {
            "PATH": path,
            "PYTHONPATH": str(self.folder / "src"),
            "OMP_NUM_THREADS": "1",
        }
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True
        )
        if check and done.returncode:
            raise AssertionError(f"{command}:\n{done.stdout}\n{done.stderr}")
        return done

    def snakemake(self, *files: str, cores: int = 2) -> list[str]:
        """Run Snakemake up to some files; the stage instances it executed."""
        before = self._times()
        self.run("snakemake", "--cores", str(cores), "--", *(files or FILES))
        return self._executed(before)

    def dvc(self, *stages: str) -> list[str]:
        """Run `dvc repro` up to some stages; the stage instances it executed."""
        before = self._times()
        self.run("dvc", "repro", *(stages or STAGES))
        return self._executed(before)

    def _times(self) -> dict[str, int]:
        folder = self.folder / "runs" / "smoke" / ".times"
        return {path.stem: path.stat().st_mtime_ns for path in folder.glob("*.json")}

    def _executed(self, before: dict[str, int]) -> list[str]:
        return sorted(key for key, at in self._times().items() if before.get(key) != at)

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in one of its files."""
        file = self.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    def copy(self, folder: Path) -> Project:
        """The same project elsewhere, times kept."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Project(folder, self.python)

    def plain(self) -> Project:
        """This project, its stages on the `python` that is installed."""
        return Project(self.folder)


@pytest.fixture(scope="session")
def warm() -> Iterator[Path]:
    """Folder of a `python` that forks stages from one process, see `warm.py`."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-P", str(Path(__file__).with_name("warm.py")), f"{name}/socket"]
        shim = folder / "python"
        shim.write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
        shim.chmod(0o755)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment) as server:
            while not (folder / "socket").exists():
                assert server.poll() is None
                time.sleep(0.1)
            yield folder
            server.communicate()


@pytest.fixture(scope="session")
def untouched(warm: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which nothing has run."""
    project = Project(tmp_path_factory.mktemp("project"), warm)
    for name in NEEDED:
        source = ROOT / name
        if source.is_dir():
            ignore = shutil.ignore_patterns("__pycache__")
            shutil.copytree(source, project.folder / name, ignore=ignore)
        else:
            shutil.copy(source, project.folder / name)
    project.run("git", "init", "-q")
    project.run("dvc", "init", "-q")
    project.run("isthmus", "scale", "smoke")
    return project


@pytest.fixture(scope="session")
def snaked(untouched: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project in which Snakemake has run, one stage at a time."""
    project = untouched.copy(tmp_path_factory.mktemp("snaked"))
    assert project.snakemake(cores=1) == ALL
    return project


@pytest.fixture
def project(snaked: Project, tmp_path: Path) -> Project:
    """A copy of the project in which Snakemake has run."""
    return snaked.copy(tmp_path)

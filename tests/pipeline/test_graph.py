"""Both engines hold the same graph: stage by stage the same command, inputs, parameters, outputs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from isthmus import config as configuration
from isthmus.closure import closure
from isthmus.config.reference import reference

ROOT = Path(__file__).parents[2]
VOLATILE = {
    "reports/quick/index.html",
    "reports/quick/results.json",
    "runs/quick/evaluate/rig/times.json",
}
"""They hold times, so their bytes differ from run to run: declared in Snakemake only."""


@pytest.fixture(scope="module")
def snakemake() -> dict[str, dict[str, object]]:
    """By command: the inputs and outputs of each job, its rule, and its parameter file."""
    options = "-n --forceall --cores 1 --nocolor --printshellcmds"
    text = subprocess.run(
        [sys.executable, "-m", "snakemake", *options.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    jobs: dict[str, dict[str, object]] = {}
    pattern = r"^ *(?:local)?rule (\w+):\n((?:    .*\n)+)(?:Shell command: (.*)\n)?"
    for rule, block, shell in re.findall(pattern, text, re.MULTILINE):
        if rule == "all":
            continue
        fields = dict(re.findall(r"^    (\w+): (.*)$", block, re.MULTILINE))
        inputs = set(fields["input"].split(", "))
        (values,) = {path for path in inputs if "/.params/" in path}
        command = (shell or fields.get("shell", "")).split(" > ")[0].strip()
        jobs[command] = {
            "rule": rule,
            "inputs": inputs - {values} - VOLATILE,
            "outputs": set(fields["output"].split(", ")) - VOLATILE,
            "key": Path(values).stem,
            "parameters": set(json.loads((ROOT / values).read_text())["parameters"]),
        }
    return jobs


@pytest.fixture(scope="module")
def dvc() -> dict[str, dict[str, object]]:
    """The same of each DVC stage; a folder among the inputs stands for all outputs in it."""
    from dvc.dependency.param import ParamsDependency
    from dvc.repo import Repo

    with Repo(str(ROOT)) as repo:
        stages = list(repo.index.stages)
        made = {out.def_path for stage in stages for out in stage.outs}
        found: dict[str, dict[str, object]] = {}
        for stage in stages:
            inputs: set[str] = set()
            parameters: set[str] = set()
            for dependency in stage.deps:
                path = dependency.def_path
                if isinstance(dependency, ParamsDependency):
                    parameters |= set(dependency.params)
                else:
                    inputs |= {o for o in made if o.startswith(f"{path}/")} or {path}
            found[stage.cmd] = {
                "rule": stage.name.split("@")[0],
                "inputs": inputs,
                "outputs": {out.def_path for out in stage.outs},
                "key": stage.name,
                "parameters": parameters,
            }
    return found


def test_the_stages_are_the_same(
    snakemake: dict[str, dict[str, object]], dvc: dict[str, dict[str, object]]
) -> None:
    assert set(snakemake) == set(dvc)
    for command, job in snakemake.items():
        assert job == dvc[command], command


def test_each_stage_declares_just_the_source_files_its_module_imports(
    dvc: dict[str, dict[str, object]],
) -> None:
    for command, stage in dvc.items():
        module = command.split()[2]
        code = {p for p in stage["inputs"] if p.startswith("src/") and p.endswith(".py")}  # type: ignore[attr-defined]
        assert code == set(closure(module)), f"{command}: run `make deps`"


def test_the_parameter_reference_is_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert (ROOT / "config" / "README.md").read_text() == reference()


@pytest.mark.parametrize("scale", ["smoke", "quick", "full"])
def test_every_scale_is_valid(scale: str) -> None:
    assert configuration.load(ROOT, scale).scale == scale

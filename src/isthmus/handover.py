"""The hand-over between the two engines, guarded by the stages' own records.

Snakemake decides by times and by what it remembers of its own runs; DVC decides by hashes in
`dvc.lock`. Neither sees what the other did. The records do: whichever engine, or hand, ran a stage
last, its record says what the outputs were made from. So, at the start of a Snakemake run, outputs
whose record holds are made newer than their inputs, and outputs whose record does not hold get a
changed parameter file, which re-runs them. At its end, the stages whose records hold, and only
those, are written into `dvc.lock`.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

from isthmus.config import Config, load
from isthmus.record import State, survey


class Slices:
    """Parameter files, one for each stage instance: the inputs by which Snakemake sees a change.

    Making one settles the times of all outputs whose records hold.

    Args:
        config: The parameters of the run.
        root: The project's folder.
        settle: False where another process has settled already (a job on a cluster node).
    """

    def __init__(self, config: Config, root: Path = Path("."), *, settle: bool = True) -> None:
        self.config = config
        self.root = root
        self._settle = settle
        self._states = survey(root, config) if settle else {}
        if settle:
            _order_times(root, self._states)

    def path(self, key: str) -> str:
        """Where the parameter file of a stage instance is, relative to the project's folder."""
        return f"runs/{self.config.scale}/.params/{key}.json"

    def write(self, key: str, names: list[str]) -> None:
        """Write the parameter file of a stage instance, where it has to change.

        Args:
            key: The stage instance.
            names: Dotted names of the parameters it depends on.
        """
        if self._settle:
            self._update(self.root / self.path(key), key, names)

    def _update(self, path: Path, key: str, names: list[str]) -> None:
        values = {name: self.config.value(name) for name in names}
        state = self._states.get(key)
        stale = state is not None and bool(state.reasons)
        old = _load(path)
        if stale:
            digest = hashlib.sha256(state.path.read_bytes()).hexdigest() if state else ""
            new: dict[str, Any] = {"parameters": values, "outdated_record": digest}
        elif old.get("parameters") == values:
            return
        else:
            new = {"parameters": values, "outdated_record": None}
        if new == old:
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(new, indent=1, sort_keys=True) + "\n")
        if state is not None and not stale:
            oldest = min(file.stat().st_mtime_ns for file in _files(state))
            os.utime(path, ns=(oldest - 1, oldest - 1))


def _load(path: Path) -> dict[str, Any]:
    try:
        return dict(json.loads(path.read_text()))
    except (OSError, ValueError):
        return {}


def _files(state: State) -> list[Path]:
    return [path for path in state.path.parent.iterdir() if path.is_file()]


def _order_times(root: Path, states: dict[str, State]) -> None:
    """Make the outputs of every current instance newer than all it was made from.

    To Snakemake a benchmark file is an output too, and it stays old where DVC ran the stage.
    """
    newest: dict[Path, int] = {}
    for state in states.values():
        if state.record is None or state.reasons:
            continue
        paths = {root / path for path in (*state.record.inputs, *state.record.code)}
        made_from = max(newest.get(path.parent, _mtime(path)) for path in paths)
        made_from = max(made_from, *(_mtime(path) for path in paths))
        files = _files(state)
        clock = root / "benchmarks" / state.record.scale / f"{state.record.key}.tsv"
        if clock.exists():
            files.append(clock)
        if min(map(_mtime, files)) < made_from:
            for file in files:
                os.utime(file)
        newest[state.path.parent] = max(map(_mtime, files))


def _mtime(path: Path) -> int:
    return path.stat().st_mtime_ns


def to_dvc(config: Config, root: Path = Path(".")) -> str:
    """Record in `dvc.lock` every stage instance whose record holds and which DVC does not know so.

    Returns:
        One sentence that says what was done, or why nothing was.
    """
    written = load(root).scale
    if config.scale != written:
        return f"DVC is at scale {written} (params.yaml): nothing handed over for {config.scale}."
    states = survey(root, config)
    current = {key: state for key, state in states.items() if not state.reasons}

    from dvc.exceptions import DvcException
    from dvc.repo import Repo, lock_repo

    try:
        with Repo(root) as repo, lock_repo(repo):
            stages = {stage.name: stage for stage in repo.index.stages}
            known = [key for key in current if key in stages and _same(stages[key], current[key])]
            changed = [stages[key] for key in known if stages[key].changed()]
            for stage in changed:
                stage.save()
                stage.commit()
            if changed:
                changed[0].dvcfile.dump_stages(changed, update_pipeline=False)
    except DvcException as error:
        return f"Not handed over to DVC: {error}. `dvc repro` will run these stages again."
    left = sorted(set(stages) - set(known))
    rest = f"; {len(left)} not current and left to it" if left else ""
    return f"Handed over to DVC: {len(changed)} stages recorded, {len(known)} current{rest}."


def _same(stage: Any, state: State) -> bool:
    """Whether DVC's stage runs the command of the record and reads no more than it read."""
    record = state.record
    if record is None or stage.cmd != record.command:
        return False
    read = {*record.inputs, *record.code}
    names = {
        str(p): name for dep in stage.deps for p, name in ((dep.def_path, type(dep).__name__),)
    }
    return all(
        name == "ParamsDependency" or path in read or any(r.startswith(f"{path}/") for r in read)
        for path, name in names.items()
    )

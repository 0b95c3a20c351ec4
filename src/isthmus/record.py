"""The record a stage leaves beside its outputs: what they were made from, and whether that still holds.

A record names the parameters, the source files, the inputs and the outputs of one stage instance
with their hashes. It holds no time and no place, so equal work gives equal bytes. Everything that
asks "is this current?" asks the record: the hand-over between the engines, `isthmus explain`, the
sync to MLflow, the tables of the report.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from isthmus.closure import closure
from isthmus.config import Config
from isthmus.errors import InputError

NAME = "record.json"


@dataclass(frozen=True)
class Record:
    """What one stage instance was made from.

    Attributes:
        key: Name of the instance, `stage@item-item`, as DVC writes it.
        stage: Name of the stage.
        scale: Scale it ran at.
        command: The command line, as both engines hold it.
        module: Dotted name of the stage's module.
        seed: Seed of the job, derived from the base seed and the key.
        parameters: Dotted parameter names and their values.
        inputs: Paths of the files it read and their sha256.
        code: Paths of the source files it depends on and their sha256.
        outputs: Paths of the files it wrote (without this record) and their sha256.
        versions: Versions of Python and of the libraries that make the numbers.
    """

    key: str
    stage: str
    scale: str
    command: str
    module: str
    seed: int
    parameters: dict[str, Any]
    inputs: dict[str, str]
    code: dict[str, str]
    outputs: dict[str, str]
    versions: dict[str, str]

    def to_json(self) -> str:
        """The text of `record.json`."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @property
    def digest(self) -> str:
        """Sha256 of the record: equal for equal work."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def read(path: str | Path) -> Record:
    """Read a `record.json`.

    Raises:
        InputError: It is missing, damaged, or of another version of this program.
    """
    path = Path(path)
    mend = "run the pipeline again; it redoes just this stage"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(path, "the file is missing", mend=mend) from None
    except (ValueError, OSError) as error:
        raise InputError(path, f"not a record ({error})", mend=mend) from None
    wanted = {field.name for field in fields(Record)}
    if not isinstance(values, dict) or set(values) != wanted:
        raise InputError(path, "not a record of this version", mend=mend)
    return Record(**values)


class Hashes:
    """Sha256 of files, remembered by size and time of change.

    Args:
        root: The project's folder; paths are relative to it.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._path = root / ".isthmus" / "hashes.json"
        try:
            self._known: dict[str, list[Any]] = json.loads(self._path.read_text())
        except (OSError, ValueError):
            self._known = {}
        self._new = False

    def __call__(self, path: str) -> str | None:
        """The file's sha256, or None where there is no such file."""
        try:
            status = os.stat(self.root / path)
        except OSError:
            return None
        mark = [status.st_mtime_ns, status.st_size, status.st_ino]
        entry = self._known.get(path)
        if entry is None or entry[0] != mark:
            entry = [mark, sha256(self.root / path)]
            self._known[path] = entry
            self._new = True
        return entry[1]

    def save(self) -> None:
        """Keep what was computed for the next process; best effort."""
        if self._new:
            self._path.parent.mkdir(exist_ok=True)
            temporary = self._path.with_suffix(f".{os.getpid()}")
            temporary.write_text(json.dumps(self._known))
            os.replace(temporary, self._path)
            self._new = False


def sha256(path: str | Path) -> str:
    """Sha256 of a file's bytes, in hexadecimal."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find(root: Path, scale: str) -> list[Path]:
    """Paths of all records of a scale, sorted."""
    homes = (root / "runs" / scale, root / "reports" / scale)
    found = [path for home in homes for path in home.glob(f"**/{NAME}")]
    return sorted(p for p in found if not any(s.startswith(".") for s in p.relative_to(root).parts))


def reasons(record: Record, config: Config, hashes: Hashes) -> list[str]:
    """Why the outputs of a record do not hold any more; empty where they do.

    Looks at this one record: whether its inputs are current themselves is another question
    (see `survey`).
    """
    found = []
    for key, value in record.parameters.items():
        try:
            now = config.value(key)
        except KeyError:
            now = None
        if now != value:
            found.append(f"parameter {key} was {value!r} and is {now!r}")
    for path in sorted({*record.code, *closure_or_none(record.module)}):
        was, now = record.code.get(path), hashes(path)
        if was != now:
            how = "was added" if was is None else "is gone" if now is None else "changed"
            found.append(f"source {path} {how}")
    for kind, files in (("input", record.inputs), ("output", record.outputs)):
        for path, was in files.items():
            now = hashes(path)
            if was != now:
                found.append(f"{kind} {path} {'is missing' if now is None else 'changed'}")
    return found


def closure_or_none(module: str) -> tuple[str, ...]:
    """The source files of a module, or none where the module is gone."""
    try:
        return closure(module)
    except OSError:
        return ()


@dataclass(frozen=True)
class State:
    """A stage instance as it stands.

    Attributes:
        path: Its record.
        record: The record's content, None where it cannot be read.
        reasons: Why it would run again; empty where it is current.
    """

    path: Path
    record: Record | None
    reasons: tuple[str, ...]


def survey(root: Path, config: Config) -> dict[str, State]:
    """The state of all recorded stage instances of the configuration's scale, upstream first.

    An instance is current when its own record holds and every recorded instance that made one of
    its inputs is current.
    """
    hashes = Hashes(root)
    states: dict[str, State] = {}
    for path in find(root, config.scale):
        try:
            record = read(path)
        except InputError as error:
            states[str(path)] = State(path, None, (error.problem,))
            continue
        states[record.key] = State(path, record, tuple(reasons(record, config, hashes)))
    hashes.save()
    makers = {
        file: key
        for key, state in states.items()
        if state.record
        for file in [*state.record.outputs, state.path.relative_to(root).as_posix()]
    }
    settled: dict[str, State] = {}

    def settle(key: str) -> State:
        if key not in settled:
            state = states[key]
            inputs = state.record.inputs if state.record else {}
            upstream = sorted({makers[file] for file in inputs if file in makers})
            stale = tuple(f"{name} is not current" for name in upstream if settle(name).reasons)
            settled[key] = State(state.path, state.record, state.reasons + stale)
        return settled[key]

    for key in states:
        settle(key)
    return settled

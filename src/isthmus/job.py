"""The frame around a pipeline stage: arguments, validation, seeds, atomic outputs, the record.

A stage module holds a function that reads `job.input(...)`, calls the package and writes
`job.output(...)`; this frame does the rest. Killed at any moment it leaves the old outputs or
none: everything is written to a folder aside, which replaces the stage's folder by a rename.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from string import Formatter
from tempfile import TemporaryDirectory
from typing import Any

from filelock import FileLock, Timeout

from isthmus import config as configuration
from isthmus.closure import PACKAGE, closure
from isthmus.errors import InputError
from isthmus.record import NAME, Record, sha256
from isthmus.seeding import derive, seed_everything

UNWRITABLE = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EROFS,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EEXIST,
)
LIBRARIES = ("isthmus", "numpy", "pyarrow", "scikit-learn", "scipy", "torch", "zuko")


class Job:
    """One run of one stage instance.

    Attributes:
        config: The validated parameters of the scale.
        items: What the instance is about, by name, such as `{"pair": "moons"}`.
        key: `stage@item-item`, or the stage's name where it has no items.
        seed: Seed derived from the base seed and the key.
    """

    def __init__(
        self, stage: str, items: dict[str, str], folder: str, config: configuration.Config
    ) -> None:
        self.stage = stage
        self.items = items
        self.config = config
        self.key = "@".join([stage, "-".join(items.values())] if items else [stage])
        self.seed = derive(config.seed, self.key)
        self.runs = Path("runs") / config.scale
        self.folder = Path(folder.format(scale=config.scale, **items))
        self._staging = self.runs / ".staging" / f"{self.key}-{os.getpid()}"
        self._inputs: set[Path] = set()
        self._volatile: set[str] = set()

    def input(self, path: str) -> Path:
        """A file below the scale's runs folder (`align/moons-coral/aligned.parquet`), noted as read.

        Raises:
            InputError: There is no such file.
        """
        full = self.runs / path
        if not full.is_file():
            raise InputError(
                full,
                "an input of this stage is missing",
                mend="run the pipeline, which makes it first",
            )
        self._inputs.add(full)
        return full

    def project_file(self, path: str) -> Path:
        """A file of the project that is not code, such as `claims.yaml`, noted as read."""
        self._inputs.add(Path(path))
        return Path(path)

    def output(self, name: str, *, volatile: bool = False) -> Path:
        """Where to write an output file. A volatile one differs from run to run and is not hashed."""
        if volatile:
            self._volatile.add(name)
        return self._staging / name

    def checkpoints(self, index: int) -> Path:
        """Where training `index` keeps what it goes on from when killed; to be left empty."""
        return Path(".isthmus") / "checkpoints" / f"{self.config.scale}-{self.key}-{index}"

    def write_json(self, name: str, value: Any) -> None:
        """Write an output as JSON with sorted keys.

        Raises:
            ValueError: A number is NaN or infinite.
        """
        text = json.dumps(value, indent=1, sort_keys=True, allow_nan=False)
        self.output(name).write_text(text + "\n")

    def run(self, body: Callable[[Job], None], parameters: tuple[str, ...], module: str) -> None:
        """Do the work and put the outputs in place; of a group of processes the first one does."""
        if int(os.environ.get("RANK", "0")):
            with TemporaryDirectory() as aside:
                self._staging = Path(aside)
                self._work(body)
            return
        locks = Path(".isthmus") / "locks"
        locks.mkdir(parents=True, exist_ok=True)
        try:
            with FileLock(locks / f"{self.config.scale}-{self.key}.lock", timeout=0):
                self._run(body, parameters, module)
        except Timeout:
            raise InputError(
                self.folder,
                "another process is making it",
                mend="wait for it; run one engine at a time",
            ) from None

    def _run(self, body: Callable[[Job], None], parameters: tuple[str, ...], module: str) -> None:
        self._sweep()
        self._staging.mkdir(parents=True)
        names = [name.format(**self.items) for name in parameters]
        values = {name: self.config.value(name) for name in names}
        _refuse_other_checkout()
        code = {path: sha256(PACKAGE.parent.parent / path) for path in closure(module)}
        started, clock = time.time(), time.perf_counter()
        try:
            self._work(body)
            record = Record(
                key=self.key,
                stage=self.stage,
                scale=self.config.scale,
                command=" ".join(
                    [f"python -m {module} --scale {self.config.scale}", *self._flags()]
                ),
                module=module,
                seed=self.seed,
                parameters=values,
                inputs={path.as_posix(): sha256(path) for path in sorted(self._inputs)},
                code=code,
                outputs={
                    (self.folder / path.name).as_posix(): sha256(path)
                    for path in sorted(self._staging.iterdir())
                    if path.name not in self._volatile
                },
                versions=_versions(),
            )
            self.output(NAME).write_text(record.to_json())
            self._publish()
        finally:
            shutil.rmtree(self._staging, ignore_errors=True)
        seconds = time.perf_counter() - clock
        self._note_times(started, seconds, record.digest)
        print(f"{self.key}: {seconds:.1f} s, seed {self.seed}, torch threads {self.config.threads}")

    def _work(self, body: Callable[[Job], None]) -> None:
        seed_everything(self.seed, threads=self.config.threads)
        body(self)

    def _flags(self) -> list[str]:
        return [f"--{name} {value}" for name, value in self.items.items()]

    def _sweep(self) -> None:
        """Remove what a killed run of this instance left aside."""
        for left in self._staging.parent.glob(f"{self.key}-*"):
            if left.name[len(self.key) + 1 :].split(".")[0].isdigit():
                shutil.rmtree(left, ignore_errors=True)

    def _publish(self) -> None:
        for path in [*self._staging.iterdir(), self._staging]:
            if path.is_file():
                path.chmod(0o644)
            handle = os.open(path, os.O_RDONLY)
            os.fsync(handle)
            os.close(handle)
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        old = self._staging.with_name(f"{self._staging.name}.old")
        if self.folder.exists():
            os.rename(self.folder, old)
        os.rename(self._staging, self.folder)
        shutil.rmtree(old, ignore_errors=True)

    def _note_times(self, started: float, seconds: float, digest: str) -> None:
        """Time, place and engine of this run: beside the record, since they change its bytes."""
        usage = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        commit, dirty = _git()
        times = {
            "key": self.key,
            "record": digest,
            "started": started,
            "seconds": seconds,
            "peak_memory_bytes": usage,
            "engine": _engine(),
            "commit": commit,
            "dirty": dirty,
            "hardware": hardware(),
        }
        path = self.runs / ".times" / f"{self.key}.json"
        path.parent.mkdir(exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}")
        temporary.write_text(json.dumps(times, indent=1, sort_keys=True) + "\n")
        os.replace(temporary, path)


def stage(*parameters: str, folder: str) -> Callable[[Callable[[Job], None]], Callable[..., None]]:
    """Make a function a stage.

    The module is run as `python -m isthmus.stages.NAME --scale S --ITEM VALUE ...`. Exit codes: 0
    done, 2 unusable input (the message says where and how to mend it), 1 any other failure.
    Nothing is left half-written.

    Args:
        parameters: Dotted names of the parameters it depends on; they may hold items in braces.
        folder: Where its outputs go, with `{scale}` and its items in braces, such as
            `runs/{scale}/align/{pair}-{method}`.
    """

    def wrap(body: Callable[[Job], None]) -> Callable[..., None]:
        def main(arguments: list[str] | None = None) -> None:
            spec = sys.modules[body.__module__].__spec__
            module = spec.name if spec else body.__module__
            try:
                _main(body, parameters, folder, module, arguments)
            except InputError as error:
                sys.exit(_complain(str(error)))
            except OSError as error:
                if error.errno not in UNWRITABLE:
                    raise
                where = error.filename or "runs"
                mend = "free some space or choose a folder that can be written"
                sys.exit(_complain(f"{where}: {error.strerror}. Mend: {mend}."))

        return main

    return wrap


def _main(
    body: Callable[[Job], None],
    parameters: tuple[str, ...],
    folder: str,
    module: str,
    arguments: list[str] | None,
) -> None:
    parser = argparse.ArgumentParser(prog=f"python -m {module}", description=body.__doc__)
    parser.add_argument("--scale", required=True, choices=configuration.SCALES)
    for _, item, _, _ in Formatter().parse(folder):
        if item and item != "scale":
            parser.add_argument(f"--{item}", required=True)
    values = vars(parser.parse_args(arguments))
    config = configuration.load(scale=values.pop("scale"))
    Job(module.rsplit(".", 1)[1], values, folder, config).run(body, parameters, module)


def _refuse_other_checkout() -> None:
    here = Path("src") / PACKAGE.name
    if here.is_dir() and here.resolve() != PACKAGE.resolve():
        raise InputError(
            here,
            f"the program that runs is another copy, {PACKAGE}",
            mend="install this one with `pip install -e .`, or set PYTHONPATH=src",
        )


def _complain(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2


def _versions() -> dict[str, str]:
    return {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}}


def _engine() -> str:
    """Snakemake exports a thread count for every rule, DVC its root; neither by hand."""
    if "DVC_ROOT" in os.environ:
        return "dvc"
    return "snakemake" if "GOTO_NUM_THREADS" in os.environ else "by hand"


def _git() -> tuple[str | None, bool | None]:
    try:
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return None, None
    return commit, bool(changed)


def hardware() -> dict[str, Any]:
    """The machine a job ran on: processor, cores, memory, operating system."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        model = next(
            line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")
        )
    except (OSError, StopIteration):
        model = platform.processor()
    return {
        "processor": model,
        "cores": os.cpu_count(),
        "memory_bytes": os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"),
        "system": f"{platform.system()} {platform.machine()}",
    }

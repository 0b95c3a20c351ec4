"""What finished stages left on the disk, and the pipeline run that it makes up."""

from __future__ import annotations

import hashlib
import json
import os
import re
import time
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from isthmus import record as records
from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.record import Record
from isthmus.tracking.points import Point, flat_curves, flat_metrics

TOPICS = {
    "images": "data",
    "points": "data",
    "embed": "alignment",
    "prefit": "alignment",
    "coral": "alignment",
    "back_to_back": "alignment",
    "lrmf": "alignment",
    "evaluate": "alignment",
    "rival": "alignment",
    "scenes": "data",
    "translate": "translation",
    "paired": "data",
    "defend": "self-defence",
    "honesty": "self-defence",
    "manipulation": "translation",
    "channel": "translation",
    "classifiers": "attributes",
    "diagnosis": "translation",
    "many_to_many": "translation",
    "manipulation_metric": "translation",
    "comparison": "alignment",
    "lrmf_theory": "alignment",
    "vanishing_gradient": "alignment",
    "motivation": "alignment",
    "dual": "alignment",
    "dirac_gan": "alignment",
    "instance_noise": "alignment",
    "regularised_gan": "alignment",
    "leaking_augmentation": "alignment",
    "meshes": "alignment",
    "pixel_flow": "alignment",
    "digit_study": "alignment",
    "decode": "alignment",
    "attributes": "attributes",
    "puppets": "data",
    "puppet_judge": "attributes",
    "puppetry": "puppets",
    "puppet_score": "puppets",
    "sensitivity": "audit",
    "views": "data",
    "pose": "pose",
    "ablations": "pose",
    "pose_scores": "pose",
    "adaptation_data": "data",
    "adapt": "adaptation",
    "adapt_open": "adaptation",
    "adaptation_score": "adaptation",
    "open_set_score": "adaptation",
    "syn2real_scorer": "adaptation",
    "track": "report",
    "report": "report",
}
"""Which experiment the runs of a stage go to; a stage that is not named here gets its own."""

SHOWN = (".png", ".html", ".json")
LARGEST_SHOWN = 5 * 2**20


@dataclass(frozen=True)
class Instance:
    """A finished stage instance, as its folder shows it."""

    record: Record
    folder: Path
    times: dict[str, Any]

    @cached_property
    def digest(self) -> str:
        """Of its record."""
        return self.record.digest

    @property
    def topic(self) -> str:
        """The experiment it goes to."""
        return topic_of(self.record.stage)

    @property
    def start(self) -> int:
        """Milliseconds since 1970."""
        return int(1000 * self.times["started"])

    @property
    def end(self) -> int:
        """Milliseconds since 1970."""
        return self.start + int(1000 * self.times.get("seconds", 0))

    def parameters(self) -> dict[str, Any]:
        """What it is about (`pair`, `family`), its seed, and the parameters it depends on."""
        items = dict(re.findall(r"--(\S+) (\S+)", self.record.command))
        items.pop("scale", None)
        return {**items, "job_seed": self.record.seed, **self.record.parameters}

    def points(self, *, curves: bool) -> list[Point]:
        """Its metrics, its cost and, where asked for, its curves.

        Raises:
            InputError: A file of numbers is damaged or of another format.
        """
        found: list[Point] = []
        for name, flatten in (("metrics.json", flat_metrics), ("curves.json", flat_curves)):
            path = self.folder / name
            if path.is_file() and (curves or flatten is flat_metrics):
                try:
                    found += flatten(json.loads(path.read_text(encoding="utf-8")))
                except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
                    mend = "run the stage again, or see docs/tracking.md for the format"
                    raise InputError(path, f"not such a file ({error!r})", mend=mend) from None
        for name, size in (("seconds", 1), ("peak_memory_bytes", 2**20)):
            if name in self.times:
                cost = f"cost/{name.replace('bytes', 'mebibytes')}"
                found.append((cost, self.times[name] / size, 0))
        return found

    def shown(self) -> list[Path]:
        """Figures, pages and small files that the UI can show."""
        files = sorted(path for path in self.folder.iterdir() if path.suffix in SHOWN)
        return [path for path in files if path.stat().st_size <= LARGEST_SHOWN]


def topic_of(stage: str) -> str:
    """The experiment that the runs of a stage go to."""
    return TOPICS.get(stage, stage)


def finished(root: Path, scale: str) -> tuple[list[Instance], list[str]]:
    """All instances whose record can be read, and what is wrong with the other records."""
    instances, wrong = [], []
    for path in records.find(root, scale):
        try:
            record = records.read(path)
        except InputError as error:
            wrong.append(str(error))
            continue
        times = load(root / "runs" / scale / ".times" / f"{record.key}.json")
        times.setdefault("started", path.stat().st_mtime)
        instances.append(Instance(record, path.parent, times))
    return instances, wrong


@dataclass(frozen=True)
class Pipeline:
    """A pipeline run: what the stages made of one state of the code and of the parameters.

    The state of the code is that of the stage executed last. So a commit after which nothing was
    executed is no pipeline run.
    """

    scale: str
    commit: str
    dirty: bool
    engine: str
    parameters: dict[str, Any]

    @classmethod
    def of(cls, config: Config, instances: list[Instance]) -> Pipeline:
        """The one that these instances, of a scale, belong to."""
        times = max(
            (instance.times for instance in instances),
            key=lambda times: (bool(times.get("commit")), times["started"]),
        )
        return cls(
            config.scale,
            times.get("commit") or "unknown",
            bool(times.get("dirty")),
            times.get("engine", "unknown"),
            config.model_dump(mode="json"),
        )

    @cached_property
    def parameters_hash(self) -> str:
        """Of all parameters of the scale."""
        return hashed(json.dumps(self.parameters, sort_keys=True))

    @property
    def id(self) -> str:
        """Equal for equal code and parameters."""
        return hashed(f"{self.scale} {self.commit} {self.dirty} {self.parameters_hash}")

    def name(self, start: int) -> str:
        """Such as `quick 1a2b3c4-dirty 2026-11-24 08:30`."""
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(start / 1000))
        return f"{self.scale} {self.commit[:7]}{'-dirty' * self.dirty} {when}"


def load(path: Path) -> dict[str, Any]:
    """A JSON object, empty where the file is absent or damaged."""
    try:
        return dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return {}


def save(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON object, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(f".{os.getpid()}")
    temporary.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n")
    os.replace(temporary, path)


def hashed(text: str) -> str:
    """Sixteen hexadecimal digits of its SHA-256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]

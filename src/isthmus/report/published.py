"""The results kept in git: copied by an explicit command, compared by a tolerance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from isthmus.errors import InputError
from isthmus.report.claims import load_claims
from isthmus.report.scorecard import scorecard, to_json

FILES = (
    "evaluate/*/clouds.png",
    "evaluate/*/confusion.png",
    "evaluate/*/figure.png",
    "evaluate/*/accuracy.png",
    "evaluate/*/learning.png",
    "evaluate/*/learning.json",
    "decode/*/digits.png",
    "translate/*/*/sheet.png",
    "diagnosis/*/*/probes.png",
    "evaluate/*/curves.png",
    "evaluate/*/cycles.png",
    "evaluate/sensitivity/flips.png",
    "evaluate/*/classes.png",
    "pose/*/skeletons.png",
)


def publish(root: Path, scale: str, *, part: bool = False) -> Path:
    """Copy scorecard, curves and figures of a scale's last run to `published/<scale>/`.

    Args:
        root: The project's folder.
        scale: Which scale.
        part: A part of the pipeline has run. What it measured replaces what was published of the
            same claims and under the same names; all else stays published.

    Raises:
        InputError: The scale has not run.
    """
    target = root / "published" / scale
    if part:
        claims = load_claims(root / "claims.yaml")
        entries = json.loads(to_json(scorecard(claims, scale, root)))
    else:
        entries = _read(root / "reports" / scale / "scorecard.json")
    judged = {entry["id"]: entry for entry in entries if entry["verdict"] != "not-measured"}
    if part and not judged:
        raise InputError(root / "runs" / scale, "holds no measured claim", mend="run a stage first")
    if part and target.exists():
        known = {entry["id"] for entry in entries}
        earlier = {entry["id"]: entry for entry in _read(target / "scorecard.json")}
        judged = {name: entry for name, entry in earlier.items() if name in known} | judged
    elif target.exists():
        shutil.rmtree(target)
    target.mkdir(parents=True, exist_ok=True)
    ordered = [judged[entry["id"]] for entry in entries if entry["id"] in judged]
    (target / "scorecard.json").write_text(json.dumps(ordered, indent=1, sort_keys=True) + "\n")
    for pattern in FILES:
        for path in sorted((root / "runs" / scale).glob(pattern)):
            home = path.parent.relative_to(root / "runs" / scale)
            shutil.copy(path, target / "-".join([*home.parts[1:], path.name]))
    return target


def differences(root: Path, scale: str, tolerance: float) -> list[str]:
    """Judged claims whose verdict or figure differs from the published run's.

    Args:
        root: The project's folder.
        scale: Which scale.
        tolerance: Largest difference of a figure that counts as none, relative to the larger of
            the published figure's size and 1.

    Raises:
        InputError: The scale has not run, or was never published.
    """
    published = _read(root / "published" / scale / "scorecard.json")
    now = {entry["id"]: entry for entry in _read(root / "reports" / scale / "scorecard.json")}
    found = []
    for entry in published:
        other = now.get(entry["id"], {"verdict": "gone", "measured": None})
        if other["verdict"] != entry["verdict"]:
            found.append(f"{entry['id']}: {entry['verdict']}, now {other['verdict']}")
        elif not _close(entry["measured"], other["measured"], tolerance):
            found.append(f"{entry['id']}: {entry['measured']}, now {other['measured']}")
    return found


def _close(a: Any, b: Any, tolerance: float) -> bool:
    if isinstance(a, int | float) and isinstance(b, int | float):
        return abs(a - b) <= tolerance * max(abs(a), 1)
    return bool(a == b)


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        return list(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise InputError(path, "the file is missing", mend="run this scale first") from None

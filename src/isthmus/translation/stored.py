"""Translators on disk, of whatever kind."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from isthmus.errors import InputError
from isthmus.networks.storage import CONFIG, kind_in, load
from isthmus.translation.benchmark import TRANSLATORS
from isthmus.translation.puppeteers import PUPPETEERS
from isthmus.translation.translator import LearnedTranslator

KINDS: dict[str, Any] = {
    method.kind.__name__: method.kind
    for method in (*TRANSLATORS.values(), *(each.method for each in PUPPETEERS.values()))
}
"""Classes of stored translators by name."""


def stored(folder: str | PathLike[str]) -> LearnedTranslator:
    """The translator that was saved into a folder, in evaluation mode.

    Args:
        folder: Holds `model.json` and `model.safetensors`.

    Raises:
        InputError: A file is absent or damaged, or the model is no translator.
    """
    name = kind_in(folder)
    if name not in KINDS:
        mend = f"give a model of one of {', '.join(sorted(KINDS))}"
        raise InputError(Path(folder) / CONFIG, f"is a {name}", field="kind", mend=mend)
    model: LearnedTranslator = load(KINDS[name], folder)
    return model.eval()

"""Translators on disk, of whatever kind."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from torch import Tensor

from isthmus import record
from isthmus.errors import InputError
from isthmus.networks.storage import CONFIG, kind_in, load
from isthmus.translation.benchmark import TRANSLATORS
from isthmus.translation.puppeteers import PUPPETEERS, Drive
from isthmus.translation.translator import Direction, LearnedTranslator, Translator, into, needed

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


class Driven(Translator):
    """A puppeteer that is used as `PUPPETEERS` says, from A to B; from B to A it translates."""

    def __init__(self, model: LearnedTranslator, drive: Drive) -> None:
        super().__init__()
        self.model, self.drive, self.config = model, drive, model.config

    def translate(self, x: Tensor, direction: Direction, guide: Tensor | None = None) -> Tensor:
        """As of `Translator`; the guide is the synthetic image."""
        if into(direction) == "a":
            return self.model.translate(x, direction, guide)
        return self.drive(self.model, x, needed(guide, x))


def as_used(folder: str | PathLike[str], puppeteer: str | None = None) -> Translator:
    """A stored translator, which drives as its stage did where it is a puppeteer.

    Args:
        folder: As of `stored`; a record in it may name the puppeteer.
        puppeteer: One of `PUPPETEERS`, in place of what the record says.

    Raises:
        InputError: As `stored`, or there is no such puppeteer.
    """
    model, path = stored(folder), Path(folder) / record.NAME
    if puppeteer is None and path.is_file():
        section = "puppeteer."
        keys = (key for key in record.read(path).parameters if key.startswith(section))
        puppeteer = next((key.removeprefix(section) for key in keys), None)
    if puppeteer is None:
        return model
    if puppeteer not in PUPPETEERS:
        raise InputError("drive", f"is {puppeteer!r}", mend=f"use one of {', '.join(PUPPETEERS)}")
    return Driven(model, PUPPETEERS[puppeteer].drive).eval()

"""Models on disk: weights as safetensors, and a JSON file that says how to rebuild the model."""

from __future__ import annotations

import hashlib
import json
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import safetensors.torch
import torch
from torch import nn

from isthmus.data.files import write_atomically
from isthmus.errors import InputError

WEIGHTS, CONFIG = "model.safetensors", "model.json"

_AGAIN = "save the model again, or fetch both files again from where they came"
_UNBUILDABLE = (InputError, TypeError, ValueError, ArithmeticError, RuntimeError)


class Storable(Protocol):
    """A model that its class rebuilds from `config`, its keyword arguments."""

    @property
    def config(self) -> dict[str, int]:
        """The keyword arguments; a seed is not among them."""


S = TypeVar("S", bound=Storable)


def save(model: Storable, folder: str | PathLike[str]) -> None:
    """Write `model.safetensors` and `model.json` into a folder; equal models give equal bytes.

    The JSON holds the class's name, its arguments, and the checksum of the weights.

    Raises:
        InputError: The folder cannot be written, or the disk is full.
    """
    weights = safetensors.torch.save(cast(nn.Module, model).state_dict())
    description = {
        "config": model.config,
        "kind": type(model).__name__,
        "sha256": hashlib.sha256(weights).hexdigest(),
    }
    with write_atomically(Path(folder) / WEIGHTS) as file:
        file.write(weights)
    with write_atomically(Path(folder) / CONFIG) as file:
        file.write((json.dumps(description, indent=1, sort_keys=True) + "\n").encode())


def load(kind: type[S], folder: str | PathLike[str]) -> S:
    """Read a model that `save` wrote.

    Args:
        kind: The class of the model.
        folder: Where its two files lie.

    Raises:
        InputError: A file is absent or damaged, the two do not belong together, or they hold a
            model of another class.
    """
    config_path, weights_path = Path(folder) / CONFIG, Path(folder) / WEIGHTS
    config, checksum = _description(config_path, kind.__name__)
    weights = _read(weights_path)
    if hashlib.sha256(weights).hexdigest() != checksum:
        problem = f"is damaged, or not the file that {CONFIG} describes"
        raise InputError(weights_path, problem, field="sha256", mend=_AGAIN)
    try:
        with torch.device("meta"):
            model = kind(**config)
        tensors = safetensors.torch.load(weights)
        cast(nn.Module, model).load_state_dict(tensors, assign=True)
    except (*_UNBUILDABLE, safetensors.SafetensorError) as error:
        problem = f"does not describe the model in {WEIGHTS} ({str(error).splitlines()[0]})"
        raise InputError(config_path, problem, field="config", mend=_AGAIN) from error
    return model


def kind_in(folder: str | PathLike[str]) -> str:
    """The name of the class of the model in a folder.

    Raises:
        InputError: The description is absent or damaged.
    """
    return _parsed(Path(folder) / CONFIG)[1]


def _description(path: Path, kind: str) -> tuple[dict[str, Any], str]:
    config, stored, checksum = _parsed(path)
    if stored != kind:
        raise InputError(
            path, f"is {stored!r}, not {kind!r}", field="kind", mend="give the folder of the other"
        )
    if not isinstance(config, dict) or not all(type(value) is int for value in config.values()):
        raise InputError(path, "is no set of whole numbers", field="config", mend=_AGAIN)
    return config, checksum


def _parsed(path: Path) -> tuple[Any, Any, Any]:
    text = _read(path)
    try:
        found = json.loads(text)
        return found["config"], found["kind"], found["sha256"]
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        problem = "is damaged or no description of a model"
        raise InputError(path, problem, mend=_AGAIN) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        problem = f"cannot be read ({error.strerror or error})"
        raise InputError(path, problem, mend="check the path; " + _AGAIN) from error

"""What an audit takes from disk: the user's classifier, and a stored translator."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isthmus.errors import InputError
from isthmus.networks.storage import CONFIG, load
from isthmus.translation.benchmark import TRANSLATORS
from isthmus.translation.puppeteers import PUPPETEERS
from isthmus.translation.translator import LearnedTranslator

Images = npt.NDArray[np.uint8]
Decisions = npt.NDArray[np.int64]
Classify = Callable[[Images], Decisions]
"""From images uint8 `(n, c, side, side)` to classes `(n,)`."""

CHUNK = 256
"""Images classified at a time."""

KINDS: dict[str, Any] = {
    method.kind.__name__: method.kind
    for method in (*TRANSLATORS.values(), *(each.method for each in PUPPETEERS.values()))
}
"""Classes of stored translators by name."""


def classifier(source: str) -> Classify:
    """The user's classifier.

    It is given floats `(n, c, side, side)` in [0, 1], at most 256 at a time (float32; a tensor,
    but to MLflow an array), and returns classes `(n,)` or scores `(n, classes)`.

    Args:
        source: A TorchScript file (`classifier.pt`), a Python callable (`module:function`), or an
            MLflow model (`models:/name/1`, `runs:/id/model`, or a folder with an `MLmodel`).

    Raises:
        InputError: It cannot be loaded; or, when it is called, it fails or returns something else.
    """
    try:
        model = _loaded(source)
    except InputError:
        raise
    except Exception as error:
        problem = f"cannot be loaded ({' '.join(str(error).split())[:200]})"
        mend = "give a TorchScript file, module:function, or an MLflow model URI"
        raise InputError(source, problem, mend=mend) from error

    def classify(images: Images) -> Decisions:
        parts = [
            _classes(source, model, images[start : start + CHUNK])
            for start in range(0, len(images), CHUNK)
        ]
        return np.concatenate(parts)

    return classify


def translator(folder: str | Path) -> LearnedTranslator:
    """A translator that a stage stored, of whatever kind.

    Args:
        folder: Holds `model.json` and `model.safetensors`.

    Raises:
        InputError: A file is absent or damaged, or it is no translator.
    """
    path = Path(folder) / CONFIG
    try:
        kind = json.loads(path.read_text())["kind"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        mend = "give the folder of a stored translator"
        raise InputError(path, "is no description of a model", mend=mend) from error
    if kind not in KINDS:
        raise InputError(
            path, f"is {kind!r}", field="kind", mend=f"use one of {', '.join(sorted(KINDS))}"
        )
    model: LearnedTranslator = load(KINDS[kind], folder)
    return model.eval()


def _loaded(source: str) -> Callable[[torch.Tensor], Any]:
    path = Path(source)
    if path.is_file():
        return torch.jit.load(source, map_location="cpu").eval()
    if source.startswith(("models:/", "runs:/", "mlflow-artifacts:")) or path.is_dir():
        import mlflow

        predict = mlflow.pyfunc.load_model(source).predict
        return lambda images: predict(images.numpy())
    module, colon, name = source.partition(":")
    if not colon:
        raise InputError(source, "is no file and no module:function", mend="check the path")
    function: Callable[[torch.Tensor], Any] = getattr(importlib.import_module(module), name)
    return function


@torch.no_grad()
def _classes(source: str, model: Callable[[torch.Tensor], Any], images: Images) -> Decisions:
    try:
        found = np.asarray(model(torch.from_numpy(images.astype(np.float32) / 255)))
    except Exception as error:
        problem = f"failed on {images.shape} ({' '.join(str(error).split())[:200]})"
        mend = "let it take float images (n, channels, side, side) in [0, 1]"
        raise InputError(source, problem, mend=mend) from error
    if found.ndim == 2 and len(found) == len(images):
        found = found.argmax(1)
    if found.shape != (len(images),) or not np.issubdtype(found.dtype, np.integer):
        problem = f"returned {found.dtype} of shape {found.shape} for {len(images)} images"
        mend = "let it return classes (n,), whole numbers, or scores (n, classes)"
        raise InputError(source, problem, mend=mend)
    return found.astype(np.int64)

"""The classifier that an audit is of."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from isthmus.errors import InputError

Images = npt.NDArray[np.uint8]
Decisions = npt.NDArray[np.int64]
Classify = Callable[[Images], Decisions]
"""From images uint8 `(n, c, side, side)` to classes `(n,)`."""

CHUNK = 256
"""Images classified at a time."""


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
    if found.ndim == 2 and len(found) == len(images) and found.shape[1] > 1:
        if np.isnan(found).any():
            problem = f"returned NaN among the scores of {len(images)} images"
            raise InputError(source, problem, mend="let it return numbers")
        found = found.argmax(1)
    if found.shape != (len(images),) or not np.issubdtype(found.dtype, np.integer):
        problem = f"returned {found.dtype} of shape {found.shape} for {len(images)} images"
        mend = "let it return classes (n,), whole numbers, or scores (n, classes), two or more"
        raise InputError(source, problem, mend=mend)
    if found.min() < 0:
        raise InputError(source, f"returned the class {found.min()}", mend="count classes from 0")
    return found.astype(np.int64)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from isthmus.audit.models import CHUNK, classifier
from isthmus.errors import InputError

IMAGES = np.random.default_rng(0).integers(256, size=(CHUNK + 3, 1, 8, 8), dtype=np.uint8)
BRIGHT = (IMAGES.astype(np.float32).mean((1, 2, 3)) / 255 > 0.5).astype(np.int64)


class Brightness(nn.Module):
    """Scores of dark and bright."""

    def forward(self, x: Tensor) -> Tensor:
        mean = x.mean((1, 2, 3))
        return torch.stack([torch.full_like(mean, 0.5), mean], 1)


def bright(x: Tensor) -> Tensor:
    """Classes themselves."""
    return Brightness()(x).argmax(1)


def wrong(x: Tensor) -> Tensor:
    return x.mean((1, 2, 3))


def broken(x: Tensor) -> Tensor:
    raise ValueError("only 28 x 28")


def one_score(x: Tensor) -> Tensor:
    return x.mean((1, 2, 3))[:, None]


def without_numbers(x: Tensor) -> Tensor:
    return Brightness()(x) * torch.nan


def below(x: Tensor) -> Tensor:
    return bright(x) - 1


def test_a_callable() -> None:
    assert np.array_equal(classifier(f"{__name__}:bright")(IMAGES), BRIGHT)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_torchscript_file(tmp_path: Path) -> None:
    path = tmp_path / "classifier.pt"
    torch.jit.script(Brightness()).save(str(path))
    assert np.array_equal(classifier(str(path))(IMAGES), BRIGHT)


@pytest.mark.filterwarnings("ignore")
def test_an_mlflow_model(tmp_path: Path) -> None:
    import mlflow

    class Model(mlflow.pyfunc.PythonModel):  # type: ignore[misc]
        def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
            mean = model_input.mean((1, 2, 3))
            return np.stack([np.full_like(mean, 0.5), mean], 1)

    mlflow.pyfunc.save_model(str(tmp_path / "model"), python_model=Model(), pip_requirements=[])
    assert np.array_equal(classifier(str(tmp_path / "model"))(IMAGES), BRIGHT)


@pytest.mark.parametrize("source", ["nowhere.pt", "no.such.module:f", f"{__name__}:absent", "."])
def test_what_cannot_be_loaded_is_named(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="Mend"):
        classifier(source)


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("wrong", "returned"),
        ("one_score", "two or more"),
        ("broken", "only 28 x 28"),
        ("without_numbers", "NaN"),
        ("below", "class -1"),
    ],
)
def test_what_is_no_classifier_is_refused(name: str, problem: str) -> None:
    with pytest.raises(InputError, match=problem):
        classifier(f"{__name__}:{name}")(IMAGES)

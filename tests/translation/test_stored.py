from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn

from isthmus.errors import InputError
from isthmus.networks.storage import save
from isthmus.translation.cyclegan import CycleGan
from isthmus.translation.cyclevae import CycleVae
from isthmus.translation.stored import stored


@pytest.mark.parametrize(
    "model",
    [
        CycleVae(side=8, width=4, levels=2, attribute=2, rest=2),
        CycleGan(width=4, blocks=1, discriminator_width=4, levels=1),
    ],
    ids=["cycle-vae", "cyclegan"],
)
def test_a_stored_translator_comes_back(model: nn.Module, tmp_path: Path) -> None:
    save(model, tmp_path)  # type: ignore[type-var]
    found = stored(tmp_path)
    assert type(found) is type(model)
    assert not found.training


@pytest.mark.parametrize("text", ["{}", "[", '{"kind": "Classifier"}'])
def test_another_file_is_no_translator(text: str, tmp_path: Path) -> None:
    (tmp_path / "model.json").write_text(text)
    with pytest.raises(InputError, match=r"model\.json"):
        stored(tmp_path)

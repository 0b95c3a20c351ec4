from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import nn

from isthmus.errors import InputError
from isthmus.networks.storage import save
from isthmus.record import Record
from isthmus.translation.cyclegan import CycleGan
from isthmus.translation.cyclevae import CycleVae
from isthmus.translation.puppetgan import PuppetGan
from isthmus.translation.stored import as_used, stored
from isthmus.translation.translator import translate_bytes


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


RECORD = {
    "key": "puppetry@rotation-cyclegan",
    "stage": "puppetry",
    "scale": "quick",
    "command": "",
    "module": "isthmus.stages.puppetry",
    "seed": 0,
    "parameters": {"seed": 0, "puppeteer.cyclegan": {}},
    "inputs": {},
    "code": {},
    "outputs": {},
    "versions": {},
}


def test_a_puppeteer_is_driven_as_its_record_or_its_name_says(tmp_path: Path) -> None:
    """CycleGAN draws the guide, whatever the real image is."""
    judged = {"discriminator_width": 4, "discriminator_levels": 1}
    save(PuppetGan(side=8, width=4, levels=2, attribute=2, rest=2, **judged), tmp_path)
    source = torch.Generator().manual_seed(0)
    real, guide = (torch.randint(0, 256, (2, 1, 8, 8), generator=source).byte() for _ in range(2))

    def alike(puppeteer: str | None = None) -> bool:
        model = as_used(tmp_path, puppeteer)
        first, second = translate_bytes(model, real, "a2b", guide[:1].expand_as(real))
        assert translate_bytes(model, real, "b2a", guide).shape == real.shape
        return torch.equal(first, second)

    assert not alike() and alike("cyclegan") and not alike("puppetgan")
    (tmp_path / "record.json").write_text(Record(**RECORD).to_json())  # type: ignore[arg-type]
    assert alike() and not alike("puppetgan")
    with pytest.raises(InputError, match="drive: is 'gan'"):
        as_used(tmp_path, "gan")

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.attributes.digits import Classifier
from isthmus.embedding.vaegan import VaeGan
from isthmus.errors import InputError
from isthmus.networks.storage import CONFIG, WEIGHTS, load, save


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save(Classifier(8, 3, 4, seed=1), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("model", [VaeGan(8, 3, 4, seed=1), Classifier(8, 3, 4, seed=1)])
def test_a_model_comes_back_as_it_was(model: VaeGan | Classifier, tmp_path: Path) -> None:
    save(model, tmp_path)
    found = load(type(model), tmp_path)
    assert found.config == model.config
    for name, tensor in model.state_dict().items():
        assert torch.equal(found.state_dict()[name], tensor)
    assert all(p.requires_grad and not p.is_meta for p in found.parameters())
    save(found, tmp_path / "again")
    for name in (WEIGHTS, CONFIG):
        assert (tmp_path / name).read_bytes() == (tmp_path / "again" / name).read_bytes()


def test_files_have_the_mode_of_any_new_file(folder: Path) -> None:
    (folder / "plain").write_bytes(b"")
    modes = {os.stat(folder / name).st_mode for name in (WEIGHTS, CONFIG, "plain")}
    assert len(modes) == 1


def test_loading_leaves_the_global_generator_as_it_was(folder: Path) -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    load(Classifier, folder)
    assert torch.equal(torch.rand(2), expected)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_of_the_weights_is_noticed(folder: Path, data: st.DataObject) -> None:
    whole = (folder / WEIGHTS).read_bytes()
    position = data.draw(st.integers(0, len(whole) - 1))
    changed = bytearray(whole)
    changed[position] ^= data.draw(st.integers(1, 255))
    (folder / WEIGHTS).write_bytes(changed)
    try:
        with pytest.raises(InputError, match=WEIGHTS):
            load(Classifier, folder)
    finally:
        (folder / WEIGHTS).write_bytes(whole)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_truncated_file_is_named(folder: Path, name: str, share: float) -> None:
    whole = (folder / name).read_bytes()
    (folder / name).write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=f"{name}.*Mend"):
        load(Classifier, folder)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(InputError, match=name):
        load(Classifier, folder)


@pytest.mark.parametrize(
    "text", ["[]", "{}", "null", "\xff", "[" * 100_000, '{"config": {}, "kind": "Classifier"}']
)
def test_other_json_is_refused(folder: Path, text: str) -> None:
    (folder / CONFIG).write_text(text, encoding="latin-1")
    with pytest.raises(InputError, match=CONFIG):
        load(Classifier, folder)


@pytest.mark.parametrize(
    "config",
    [
        {"side": 16, "classes": 3, "width": 4},
        {"side": 8, "classes": 4, "width": 4},
        {"side": 8, "classes": 3, "width": 8},
        {"side": 8, "classes": 3, "width": 4, "colour": 1},
        {"side": 9, "classes": 3, "width": 4},
        {"side": 8, "classes": 3, "width": 4_000_000_000_000_000_000},
        {"side": 2**70, "classes": 3, "width": 4},
        {"side": 8, "classes": 3, "width": 4.0},
        {"side": 8, "classes": "3", "width": 4},
        {"side": 8, "classes": True, "width": 4},
        {},
        [],
    ],
)
def test_a_config_that_does_not_fit_the_weights_is_refused(folder: Path, config: object) -> None:
    description = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(description | {"config": config}))
    with pytest.raises(InputError, match=f"{CONFIG}: config"):
        load(Classifier, folder)


def test_a_model_of_another_class_is_refused(folder: Path) -> None:
    with pytest.raises(InputError, match="'Classifier', not 'VaeGan'"):
        load(VaeGan, folder)


def test_weights_of_another_model_are_refused(folder: Path, tmp_path: Path) -> None:
    save(Classifier(8, 3, 4, seed=2), tmp_path / "other")
    shutil.copy(tmp_path / "other" / WEIGHTS, folder / WEIGHTS)
    with pytest.raises(InputError, match=WEIGHTS):
        load(Classifier, folder)

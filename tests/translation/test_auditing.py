from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.attributes.factors import FactorClassifier
from isthmus.data import gta
from isthmus.data.table import read_table, write_table
from isthmus.errors import InputError
from isthmus.networks.storage import save
from isthmus.translation.auditing import inspect
from isthmus.translation.cyclegan import CycleGan
from isthmus.translation.munit import Munit
from isthmus.translation.paired_sets import PAIRED_SETS
from isthmus.translation.pix2pix import Pix2Pix
from isthmus.translation.rift import Rift
from isthmus.translation.translator import LearnedTranslator
from isthmus.translation.unit import Unit

TINY = {"width": 4, "groups": 0, "discriminator_width": 4, "levels": 1}
CYCLIC = {**TINY, "blocks": 1, "fold": 2}
KINDS = {
    "cyclegan": lambda: CycleGan(**CYCLIC),
    "rift": lambda: Rift(**CYCLIC),
    "unit": lambda: Unit(**CYCLIC, scales=1),
    "munit": lambda: Munit(**CYCLIC, scales=1),
    "pix2pix": lambda: Pix2Pix(**TINY, halvings=2, dropped=0),
}


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "test.parquet"
    write_table(
        PAIRED_SETS["scenes"].load(size=16, train_size=2, test_size=20, seed=0)["test"], path
    )
    return path


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(CycleGan(**CYCLIC), tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("kind", KINDS)
def test_every_stored_translator_is_audited(kind: str, table: Path, tmp_path: Path) -> None:
    made: Callable[[], LearnedTranslator] = KINDS[kind]
    save(made(), tmp_path)
    found = inspect(tmp_path, table, known="scenes", steps=2)
    assert (found.model, found.images) == (type(made()).__name__, 20)
    assert found.audit.figures["cheating_index"] < 0
    assert all(len(images) == 8 for images in found.pictures.values())


def test_a_folder_of_pairs_and_a_palette_of_ones_own(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for index in range(20):
        pixels = rng.integers(0, 256, (20, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{index}.png")
    found = inspect(model, tmp_path, palette=["#000000", "white"], size=16, steps=2)
    assert found.quantised_to == "the 2 given colours"
    assert "cheating_index" not in found.audit.figures
    assert inspect(model, tmp_path, size=16, steps=2).quantised_to == "33 levels"


def test_the_index_needs_the_colours_of_the_set(model: Path, table: Path, tmp_path: Path) -> None:
    other = read_table(table)
    noisy = np.random.default_rng(0).integers(0, 256, other.values.shape).astype(np.uint8)
    write_table(replace(other, values=noisy), tmp_path / "other.parquet")
    with pytest.raises(InputError, match="not in the colours of scenes"):
        inspect(model, tmp_path / "other.parquet", known="scenes", steps=2)
    near = np.clip(other.values.astype(int) + 5, 0, 255).astype(np.uint8)
    write_table(replace(other, values=near), tmp_path / "near.parquet")
    inspect(model, tmp_path / "near.parquet", known="scenes", steps=2)


def test_a_folder_of_gta_has_its_palette(model: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for part in (gta.FRAMES, gta.LABELS):
        (tmp_path / part).mkdir()
        for index in range(20):
            codes = rng.integers(0, len(gta.PALETTE), (16, 16))
            Image.fromarray(gta.PALETTE[codes]).save(tmp_path / part / f"{index}.png")
    assert inspect(model, tmp_path, size=16, steps=2).quantised_to == "the 20 given colours"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"known": "gta"}, "use one of scenes"),
        ({"palette": ["#00"]}, "no colour"),
        ({"most": 10}, "give 20 or more"),
    ],
)
def test_what_makes_no_sense_is_refused(
    options: dict[str, object], problem: str, model: Path, table: Path
) -> None:
    with pytest.raises(InputError, match=problem):
        inspect(model, table, **options)  # type: ignore[arg-type]


def test_what_is_no_translator_is_refused(table: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        inspect(tmp_path / "nothing", table)
    save(FactorClassifier(16, width=4, shape=3), tmp_path)
    with pytest.raises(InputError, match="give a model of one of"):
        inspect(tmp_path, table)

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isthmus.errors import InputError
from isthmus.networks.storage import save
from isthmus.translation.cyclegan import CycleGan
from isthmus.translation.folders import SHEET, find_model, read_square, translate_folder
from isthmus.translation.munit import Munit
from isthmus.translation.translator import translate_bytes

SIZES = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1}
RNG = np.random.default_rng(0)


def picture(path: Path, width: int = 20, height: int = 30) -> Path:
    Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8)).save(path)
    return path


@pytest.fixture
def inputs(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    for index, size in enumerate([(20, 30), (16, 16), (50, 9)]):
        picture(folder / f"{index}.png", *size)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> Path:
    save(CycleGan(**SIZES, seed=3), tmp_path / "model")
    return tmp_path / "model"


def test_each_image_is_translated_at_the_models_size(
    inputs: Path, model: Path, tmp_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    found = translate_folder(
        model, inputs, tmp_path / "out", size=16, on_image=lambda *done: seen.append(done)
    )
    assert [path.name for path in found.written] == ["0.png", "1.png", "2.png"]
    assert not found.skipped and seen == [(3, 3)]
    sources = torch.stack([read_square(path, 16) for path in sorted(inputs.iterdir())])
    expected = translate_bytes(CycleGan(**SIZES, seed=3).eval(), sources, "a2b")
    for path, image in zip(found.written, expected, strict=True):
        written = torch.from_numpy(np.asarray(Image.open(path)).copy()).permute(2, 0, 1)
        assert (written.int() - image.int()).abs().max() <= 1
    assert Image.open(found.sheet).size == (3 * 16, 2 * 16)


def test_damaged_files_are_named_and_skipped(inputs: Path, model: Path, tmp_path: Path) -> None:
    (inputs / "0a.jpg").write_bytes(b"no image")
    (inputs / "1a.png").write_bytes((inputs / "0.png").read_bytes()[:200])
    found = translate_folder(model, inputs, tmp_path / "out", size=16)
    assert len(found.written) == 3
    assert [Path(error.where).name for error in found.skipped] == ["0a.jpg", "1a.png"]


def test_guides_go_round(inputs: Path, tmp_path: Path) -> None:
    save(Munit(**SIZES, scales=1), tmp_path / "model")
    guides = tmp_path / "guides"
    guides.mkdir()
    one = picture(guides / "g.png")
    alone = translate_folder(tmp_path / "model", inputs, tmp_path / "a", guide=one, size=16)
    among = translate_folder(tmp_path / "model", inputs, tmp_path / "b", guide=guides, size=16)
    for left, right in zip(alone.written, among.written, strict=True):
        assert left.read_bytes() == right.read_bytes()
    assert Image.open(alone.sheet).size == (3 * 16, 3 * 16)
    with pytest.raises(InputError, match="guide"):
        translate_folder(tmp_path / "model", inputs, tmp_path / "c", size=16)


@pytest.mark.parametrize(
    ("pixels", "mode", "expected"),
    [
        (np.full((4, 6), 100, np.uint8), "L", (100, 100, 100)),
        (np.full((4, 6), 100 * 257, np.uint16), "I;16", (100, 100, 100)),
        (np.full((4, 6, 4), (10, 20, 30, 0), np.uint8), "RGBA", (255, 255, 255)),
        (np.full((4, 6, 4), (10, 20, 30, 255), np.uint8), "RGBA", (10, 20, 30)),
        (np.full((4, 6, 2), (10, 0), np.uint8), "LA", (255, 255, 255)),
    ],
    ids=["grey", "16 bits", "transparent", "opaque", "transparent grey"],
)
def test_grey_and_transparent_images(
    pixels: np.ndarray, mode: str, expected: tuple[int, int, int], tmp_path: Path
) -> None:
    image = Image.fromarray(pixels)
    assert image.mode == mode
    image.save(tmp_path / "x.png")
    square = read_square(tmp_path / "x.png", 8)
    assert square.shape == (3, 8, 8)
    assert torch.equal(square, torch.tensor(expected).byte().view(3, 1, 1).expand(3, 8, 8))


def test_what_cannot_be_done_is_refused(inputs: Path, model: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with pytest.raises(InputError, match="--size"):
        translate_folder(model, inputs, out)
    with pytest.raises(InputError, match="folder of the inputs"):
        translate_folder(model, inputs, inputs, size=16)
    picture(inputs / "1.jpg")
    with pytest.raises(InputError, match="rename"):
        translate_folder(model, inputs, out, size=16)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no readable"):
        translate_folder(model, tmp_path / "empty", out, size=16)


def test_a_model_is_found_by_the_end_of_its_path(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for scale in ("quick", "full"):
        save(CycleGan(**SIZES), Path("runs") / scale / "translate" / "3ds-a" / "cyclegan")
    assert find_model("quick/translate/3ds-a/cyclegan").parts[1] == "quick"
    with pytest.raises(InputError, match="several"):
        find_model("3ds-a/cyclegan")
    with pytest.raises(InputError, match="no stored model"):
        find_model("gan")
    assert find_model(model) == model


def test_the_sheet_is_no_translation(inputs: Path, model: Path, tmp_path: Path) -> None:
    found = translate_folder(model, inputs, tmp_path / "out", size=16)
    assert found.sheet.name == SHEET and found.sheet not in found.written

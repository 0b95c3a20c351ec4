from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from isthmus.errors import InputError
from isthmus.networks.storage import save
from isthmus.translation.cyclegan import CycleGan
from isthmus.translation.cyclevae import CycleVae
from isthmus.translation.dida import Dida
from isthmus.translation.didd import Didd
from isthmus.translation.folders import SHEET, find_model, read_square, translate_folder
from isthmus.translation.munit import Munit
from isthmus.translation.puppetgan import PuppetGan
from isthmus.translation.rift import Rift
from isthmus.translation.translator import LearnedTranslator, translate_bytes

CODED = {"channels": 1, "side": 16, "width": 4, "levels": 2}
JUDGED = {"discriminator_width": 4, "discriminator_levels": 1}
ALL_KINDS: dict[str, Callable[[], LearnedTranslator]] = {
    "cyclegan": lambda: CycleGan(**SIZES),
    "rift": lambda: Rift(**SIZES),
    "munit": lambda: Munit(**SIZES, scales=1),
    "didd": lambda: Didd(side=16, width=4),
    "puppetgan": lambda: PuppetGan(**CODED, attribute=2, rest=2, **JUDGED),
    "dida": lambda: Dida(**CODED),
    "cycle-vae": lambda: CycleVae(**CODED, attribute=2, rest=2),
}
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
    assert not found.skipped and seen[-1] == (3, 3)
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
    picture(out.parent / "guide.png")
    with pytest.raises(InputError, match="one of the inputs"):
        translate_folder(model, inputs, out.parent, guide=out.parent / "guide.png", size=16)
    picture(inputs / "1.jpg")
    with pytest.raises(InputError, match="rename"):
        translate_folder(model, inputs, out, size=16)
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no readable"):
        translate_folder(model, tmp_path / "empty", out, size=16)


def test_sixteen_bits_fractions_and_sheets(model: Path, tmp_path: Path) -> None:
    folder = tmp_path / "deep"
    folder.mkdir()
    ramp = np.tile(np.arange(0, 65536, 4096, dtype=np.uint16), (16, 1))
    Image.fromarray(ramp).save(folder / "deep.png")
    Image.fromarray(np.full((16, 16), 0.5, np.float32)).save(folder / "fraction.tif")
    picture(folder / SHEET)
    seen = read_square(folder / "deep.png", 16)[0, 0]
    assert np.abs(seen.numpy() - np.arange(0, 256, 16)).max() <= 1
    found = translate_folder(model, folder, tmp_path / "out", size=16)
    assert [path.name for path in found.written] == ["deep.png"]
    assert "holds fractions" in str(found.skipped[0])


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


@pytest.mark.parametrize("kind", ALL_KINDS)
def test_every_translator_serves_and_refuses_other_sides(
    kind: str, inputs: Path, tmp_path: Path
) -> None:
    model = ALL_KINDS[kind]()
    save(model, tmp_path / "model")
    guide, out = picture(tmp_path / "guide.png"), tmp_path / "out"
    for side in (30, 50):
        with pytest.raises(InputError, match="size"):
            translate_folder(tmp_path / "model", inputs, out, guide=guide, size=side)
    assert not out.exists()
    size = None if "side" in model.config else 16
    found = translate_folder(tmp_path / "model", inputs, out, guide=guide, size=size)
    mode = "L" if model.config["channels"] == 1 else "RGB"
    for path in found.written:
        with Image.open(path) as image:
            assert (image.size, image.mode) == ((16, 16), mode)
    with Image.open(found.sheet) as sheet:
        assert (sheet.size, sheet.mode) == ((3 * 16, 3 * 16), mode)


def test_translations_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match="side of the training"):
        translate_bytes(CycleGan(**SIZES), torch.zeros(1, 3, 30, 30).byte(), "a2b")


def test_photographs_are_upright(tmp_path: Path) -> None:
    pixels = np.zeros((8, 8, 3), np.uint8)
    pixels[:, :4] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise by 90 degrees
    Image.fromarray(pixels).save(tmp_path / "x.png", exif=exif)
    expected = torch.from_numpy(np.rot90(pixels, -1).copy()).permute(2, 0, 1)
    assert torch.equal(read_square(tmp_path / "x.png", 8), expected)


@pytest.mark.parametrize("suffix", [".bmp", ".webp", ".JPG", ".tif", ".gif"])
def test_other_kinds_of_files_are_read_too(suffix: str, model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    picture(tmp_path / "in" / f"x{suffix}")
    assert len(translate_folder(model, tmp_path / "in", tmp_path / "out", size=16).written) == 1


def test_progress_is_told_on_the_way(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for index in range(20):
        picture(tmp_path / "in" / f"{index}.png", 8, 8)
    seen: list[tuple[int, int]] = []
    translate_folder(
        model, tmp_path / "in", tmp_path / "o", size=16, on_image=lambda *done: seen.append(done)
    )
    assert seen == [(12, 20), (20, 20)]


def test_a_file_in_the_place_of_the_folder_is_refused(
    inputs: Path, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(InputError, match="is a file"):
        translate_folder(model, inputs, tmp_path / "out", size=16)

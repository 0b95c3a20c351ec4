from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from isthmus.data.aligned_pairs import images_in
from isthmus.data.puppet_folders import load
from isthmus.data.puppets import MEMBERS, unstack
from isthmus.errors import InputError
from isthmus.translation.folders import translate_folder

DOCS = Path(__file__).parents[2] / "docs"


def put(path: Path, grey: int, size: tuple[int, int] = (20, 30), mode: str = "RGB") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, grey).convert(mode).save(path)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    real, triplets = tmp_path / "echte Bilder", tmp_path / "triplets"
    put(real / "b.png", 20)
    put(real / "a.PNG", 10, (40, 17), "L")
    (real / "notes.txt").write_text("not an image")
    for place, name in enumerate(MEMBERS):
        for row in range(2):
            put(triplets / name / f"{row}.png", 100 * row + place)
    return real, triplets


def test_images_of_any_size_in_the_order_of_their_names(folders: tuple[Path, Path]) -> None:
    real, triplets = load(*folders, size=16)
    assert real.values.shape == (2, 16, 16, 3)
    assert real.values[:, 3, 5, 1].tolist() == [10, 20]
    assert real.factors == {}
    assert unstack(triplets).shape == (2, 3, 3, 16, 16)
    assert unstack(triplets)[..., 0, 0, 0].tolist() == [[0, 1, 2], [100, 101, 102]]


def test_a_folder_a_class(folders: tuple[Path, Path], tmp_path: Path) -> None:
    put(tmp_path / "classes" / "sad" / "1.png", 3)
    put(tmp_path / "classes" / "happy" / "1.png", 1)
    put(tmp_path / "classes" / "happy" / "2.png", 2)
    real, _ = load(tmp_path / "classes", folders[1], size=16)
    assert real.levels == {"label": ("happy", "sad")}
    assert real.factors["label"].tolist() == [0, 0, 1]
    assert real.values[:, 0, 0, 0].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("fault", "where", "problem"),
    [
        ("no real", "echte Bilder", "holds no images"),
        ("mixed", "echte Bilder", "beside folders"),
        ("no member", "rest", "has no 0.png"),
        ("one missing", "both", "has no 1.png"),
        ("no triplets", "triplets", "holds no triplets"),
        ("damaged", "b.png", "no readable image"),
    ],
)
def test_faults_are_named(folders: tuple[Path, Path], fault: str, where: str, problem: str) -> None:
    real, triplets = folders
    match fault:
        case "no real":
            for path in real.glob("*.[pP]*"):
                path.unlink()
        case "mixed":
            put(real / "class" / "c.png", 5)
        case "no member":
            (triplets / "rest").rename(triplets / "elsewhere")
        case "one missing":
            (triplets / "both" / "1.png").unlink()
        case "no triplets":
            triplets.rename(triplets.with_name("elsewhere"))
        case "damaged":
            (real / "b.png").write_bytes(np.arange(100, dtype=np.uint8).tobytes())
    with pytest.raises(InputError, match=problem) as caught:
        load(real, triplets, 16)
    assert Path(caught.value.where).name == where


def test_the_lines_of_the_docs_train_a_model_that_translates(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for row in range(16):
        put(Path("real") / f"{row}.png", 5 * row)
        for name in MEMBERS:
            put(Path("triplets") / name / f"{row}.png", 10 * row)
    lines = (DOCS / "puppetgan.md").read_text().split("```python\n")[1].split("```")[0]
    assert "steps=4000" in lines
    exec(lines.replace("steps=4000", "steps=2"), {})
    found = translate_folder("puppet", "real", "moved", guide="triplets/attribute")
    assert len(found.written) == len(images_in(Path("moved"))) - 1 == 16

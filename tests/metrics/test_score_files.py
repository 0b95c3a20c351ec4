from __future__ import annotations

import json
import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from isthmus.data.download import MIRROR_VARIABLE
from isthmus.errors import InputError
from isthmus.metrics.correctness import Role
from isthmus.metrics.score_files import DATASETS, read_attributes, score

KEYS = {
    "translation_quality",
    "content_preservation",
    "style_translation",
    "style_translation_a2b",
    "style_translation_b2a",
    "bias",
    "disentanglement_quality",
    "correct_attribute_change",
    "manipulation_accuracy",
    "per_attribute",
}
PUBLISHED = {
    "Q_trans": "translation_quality",
    "Content Preservation": "content_preservation",
    "A2B Style translation": "style_translation_a2b",
    "B2A Style translation": "style_translation_b2a",
    "Style translation": "style_translation",
    "Model Bias": "bias",
    "Disentanglement quality": "disentanglement_quality",
    "Correct attribute change": "correct_attribute_change",
}
DETAILS = {
    "A2B Style manipulation quality": ("style_translation", "a2b"),
    "B2A Style manipulation quality": ("style_translation", "b2a"),
    "Content preservation quality": ("content_preservation", "all"),
    "A2B Translation quality": ("translation_quality", "a2b"),
    "B2A Translation quality": ("translation_quality", "b2a"),
    "Bias stats": ("bias", "all"),
}
SHAPES3D = [10, 10, 10, 8, 4, 15]
COLUMNS = list(DATASETS["shapes3d-a"].roles)
CHANCE = 0.124


class Files:
    """Attribute files of a made-up data set, 40 originals a domain and every fifth pair."""

    def __init__(self, folder: Path, dataset: str, *, b_label: int = 0) -> None:
        self.dataset, self.folder = dataset, folder
        self.roles = DATASETS[dataset].roles
        self.draw = np.random.default_rng(0)
        labels = {"shapes3d": (1, b_label), "synaction": (0, 9), "celeba": (1, 0)}
        self.domains = {
            domain: self._originals(domain, labels[dataset.split("-")[0]][domain is Role.B])
            for domain in (Role.A, Role.B)
        }
        self.original = folder / "original.txt"
        rows = [
            (f"{domain.value[0]}{i:03d}.png", row)
            for domain, values in self.domains.items()
            for i, row in enumerate(values)
        ]
        write(self.original, rows)

    def _originals(self, domain: Role, label: int) -> np.ndarray:
        other = Role.B if domain is Role.A else Role.A
        columns = []
        for k, (name, role) in enumerate(self.roles.items()):
            size = SHAPES3D[k] if self.dataset.startswith("shapes3d") and k < 6 else 2
            values = self.draw.integers(0, size, 40)
            if name == DATASETS[self.dataset].domain and self.dataset != "synaction":
                values[:] = label
            elif self.dataset == "synaction":
                values = self._synaction(name, domain)
            elif role is other:
                values[:] = DATASETS[self.dataset].fixed.get(name, 3)
            columns.append(values)
        return np.stack(columns, 1)

    def _synaction(self, name: str, domain: Role) -> np.ndarray:
        if name == "pose":
            return np.ones(40, int)
        varies = {"identity": Role.B, "background": Role.A}[name] is domain
        return self.draw.integers(1, 9, 40) if varies else np.zeros(40, int)

    def translate(self, method: str) -> Path:
        path, rows = self.folder / f"{method}.txt", []
        for source, target in ((Role.A, Role.B), (Role.B, Role.A)):
            contents, guides = self.domains[source], self.domains[target]
            for i, c in enumerate(contents):
                for j, g in enumerate(guides):
                    if (i + j) % 5 == 0:
                        name = f"{source.value[0]}{i:03d}_{target.value[0]}{j:03d}_.png"
                        rows.append((name, self._translated(method, c, g)))
        write(path, rows)
        return path

    def _translated(self, method: str, c: np.ndarray, g: np.ndarray) -> np.ndarray:
        shared = np.array([role is Role.SHARED for role in self.roles.values()])
        out = {
            "oracle": np.where(shared, c, g),
            "source": c,
            "guide": g,
            "random": self.draw.integers(0, [*SHAPES3D, 3])
            if self.dataset.startswith("shapes3d")
            else self.draw.integers(0, 2, len(c)),
        }[method].copy()
        if self.dataset == "synaction" and method != "random":
            out[2] = method != "guide"
        return out

    def score(self, method: str, **options: Any) -> dict[str, Any]:
        return score(self.dataset, self.original, self.translate(method), **options)


def write(path: Path, rows: Sequence[tuple[str, Sequence[int]]]) -> None:
    path.write_text("".join(f"{name} {' '.join(map(str, row))} \n" for name, row in rows))


@pytest.fixture(params=DATASETS)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files(tmp_path, request.param)


def test_the_oracle_makes_no_mistake(files: Files) -> None:
    found = files.score("oracle", released=False)
    assert set(found) == KEYS
    assert set(found["per_attribute"]) == set(files.roles)
    perfect = KEYS - {"per_attribute", "bias"}
    assert {found[key] for key in perfect} == {1.0}


def test_copies_are_all_or_nothing(files: Files) -> None:
    source, guide = (files.score(method, released=False) for method in ("source", "guide"))
    for found, content, style in ((source, 1, 0), (guide, 0, 1)):
        assert found["content_preservation"] == content
        assert found["style_translation_a2b"] == found["style_translation_b2a"] == style
        assert found["translation_quality"] == style
        assert found["disentanglement_quality"] == 1 / 2
        assert not found["bias"]
    manipulated = [role for role in files.roles.values() if role in (Role.A, Role.B)]
    shared = [role for role in files.roles.values() if role is Role.SHARED]
    share = len(manipulated) / (len(manipulated) + len(shared))
    assert guide["manipulation_accuracy"] == pytest.approx(share)
    assert source["manipulation_accuracy"] == pytest.approx(1 - share)


@pytest.mark.parametrize("dataset", ["shapes3d-a", "shapes3d-b", "shapes3d-c"])
def test_random_output_is_at_chance(dataset: str, tmp_path: Path) -> None:
    found = Files(tmp_path, dataset).score("random")
    assert found["manipulation_accuracy"] == pytest.approx(CHANCE, abs=0.03)


@pytest.mark.parametrize(
    ("split", "shared", "in_a", "in_b"),
    [
        ("a", "object_hue shape", "floor_hue wall_hue", "size orientation"),
        ("b", "wall_hue size", "floor_hue shape", "object_hue orientation"),
        ("c", "floor_hue orientation", "object_hue size", "wall_hue shape"),
    ],
)
def test_roles_of_3d_shapes(split: str, shared: str, in_a: str, in_b: str) -> None:
    roles = DATASETS[f"shapes3d-{split}"].roles
    for role, factors in ((Role.SHARED, shared), (Role.A, in_a), (Role.B, in_b)):
        assert [name for name in roles if roles[name] is role] == factors.split()


def test_roles_of_celeba() -> None:
    roles = list(DATASETS["celeba"].roles.values())
    assert len(roles) == 40
    assert [roles.count(role) for role in Role] == [18, 7, 3, 1, 11]


def test_the_result_is_json(files: Files) -> None:
    found = files.score("random")
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_either_label_of_b_is_read(tmp_path: Path) -> None:
    found = []
    for label in (0, 2):
        (tmp_path / str(label)).mkdir()
        found.append(Files(tmp_path / str(label), "shapes3d-a", b_label=label).score("guide"))
    assert found[0] == found[1]


def test_folders_suffixes_order_and_blank_lines_do_not_matter(tmp_path: Path) -> None:
    files = Files(tmp_path, "celeba")
    found = files.score("random")
    lines = files.original.read_text().splitlines()
    renamed = [f"train/{line}".replace(".png", ".jpg") for line in reversed(lines)]
    files.original.write_text("\n\n".join(renamed))
    translated = tmp_path / "random.txt"
    translated.write_text("\n".join(reversed(translated.read_text().splitlines())))
    assert score("celeba", files.original, translated) == found


def counted_by_hand(original: Path, translated: Path) -> dict[str, Any]:
    """The published summaries of 3DS-A, pair by pair and attribute by attribute."""
    known = {}
    for line in original.read_text().splitlines():
        name, *values = line.split()
        known[name.removesuffix(".png")] = [int(value) for value in values]
    style = {"a": (0, 1), "b": (3, 5)}
    fixed = {"a": {3: 5, 5: 0}, "b": {0: 0, 1: 7}}
    right: defaultdict[Any, list[bool]] = defaultdict(list)
    for line in translated.read_text().splitlines():
        name, *values = line.split()
        t = [int(value) for value in values]
        c, g = (known[image] for image in name.split("_")[:2])
        target = "b" if c[6] == 1 else "a"
        for k in range(7):
            if c[k] == g[k]:
                right["bias", k].append(t[k] != c[k])
                continue
            if k in (2, 4):
                right["content", k].append(t[k] == c[k])
            if k in style[target]:
                right["style", target, k].append(t[k] == g[k])
            if target == "a":
                ideal = c[k] if k in (2, 4) else g[k] if k in style["a"] else 0
                right["change", k].append(t[k] == fixed["a"].get(k, ideal))
        for k, value in fixed[target].items():
            if c[k] != value:
                right["quality", target, k].append(t[k] == value)

    def average(keys: Sequence[Any]) -> float:
        return float(np.mean([np.mean(right[key]) if right[key] else 0.0 for key in keys]))

    into = {
        measure: {
            target: average([(measure, target, k) for k in attributes[target]])
            for target in ("a", "b")
        }
        for measure, attributes in (("style", style), ("quality", fixed))
    }
    content = average([("content", 2), ("content", 4)])
    both = np.mean(list(into["style"].values()))
    return {
        "translation_quality": np.mean(list(into["quality"].values())),
        "content_preservation": content,
        "style_translation": both,
        "style_translation_a2b": into["style"]["b"],
        "style_translation_b2a": into["style"]["a"],
        "bias": average([("bias", k) for k in range(7)]),
        "disentanglement_quality": (both + content) / 2,
        "correct_attribute_change": average([("change", k) for k in range(7)]),
    }


def released_files() -> Path | None:
    """The folder of the authors' own files for DRIT++ on 3DS-A, where a local mirror has them."""
    folder = Path(os.environ.get(MIRROR_VARIABLE, "")) / "umi2i"
    return folder if (folder / "translated_drit.txt").is_file() else None


def test_summaries_are_those_counted_by_hand(tmp_path: Path) -> None:
    made = Files(tmp_path, "shapes3d-a")
    cases = [(made.original, made.translate("random"))]
    if folder := released_files():
        cases.append((folder / "original_attributes.txt", folder / "translated_drit.txt"))
    for original, translated in cases:
        found = score("shapes3d-a", original, translated)
        for key, value in counted_by_hand(original, translated).items():
            assert found[key] == pytest.approx(value, abs=1e-12), key


DRIT = """Q_trans = 1.0000
Content Preservation = 0.0000
A2B Style translation = 1.0000
B2A Style translation = 1.0000
Style translation = 1.0000
Model Bias = 0.0000
Disentanglement quality = 0.5000
Correct attribute change = 0.5714
A2B Style manipulation quality = {'size': '1.0000', 'orientation': '1.0000'}
Content preservation quality = {'object_hue': '0.0000', 'shape': '0.0000'}
"""


def test_published_numbers_come_out_again(tmp_path: Path) -> None:
    made = Files(tmp_path, "shapes3d-a", b_label=2)
    cases = [(DRIT, made.original, made.translate("guide"))]
    if folder := released_files():
        published = (folder / "published_drit.txt").read_text()
        files = ("original_attributes.txt", "translated_drit.txt")
        cases.append((published, *(folder / name for name in files)))
    for published, original, translated in cases:
        found = score("shapes3d-a", original, translated)
        for line in published.splitlines():
            title, _, value = line.partition(" = ")
            if title in PUBLISHED:
                assert f"{found[PUBLISHED[title]]:.4f}" == value.strip(), title
            elif title in DETAILS:
                measure, direction = DETAILS[title]
                for name, share in re.findall(r"'(\w+)': '([0-9.]+)'", value):
                    one = found["per_attribute"][name][measure][direction]
                    assert f"{one['value'] or 0:.4f}" == share, (title, name)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "holds no images"),
        ("x.png 0 0 0 5 0 0\n", "line 1: has 6 values"),
        ("x.png 0 0 0 5 0 0 1\n\ny.png 0 0 0 5 0 0 1 9\n", "line 3: has 8 values"),
        ("x.png 0 0 0 5.5 0 0 1\n", r"line 1, size: '5\.5' is none"),
        ("x.png 0 0 0 5 0 99999999999999999999 1\n", "line 1, orientation: '9+' is none"),
        ("x.png 0 0 0 5 0 0 1\nx.jpg 0 0 0 5 0 0 1\n", "line 2: x.jpg is also on line 1"),
    ],
)
def test_a_broken_line_is_named(text: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "attributes.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=rf"attributes\.txt: {reason}.*Mend: "):
        read_attributes(path, COLUMNS)


def test_negative_predictions_are_read(tmp_path: Path) -> None:
    path = tmp_path / "attributes.txt"
    path.write_text("x.png 0 0 0 5 0 -3 2 \n")
    assert read_attributes(path, COLUMNS).values.tolist() == [[0, 0, 0, 5, 0, -3, 2]]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "image.png").write_bytes(b"\xff\xfe\x00")
    for path in (tmp_path / "image.png", tmp_path / "absent.txt", tmp_path):
        with pytest.raises(InputError, match="cannot be read"):
            read_attributes(path, COLUMNS)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("a000.png 0 0 0 0 0 0 2", "line 1, name: a000 does not name a source and a guide"),
        ("a000_c000_.png 0 0 0 0 0 0 2", "line 1, name: c000 is not among .*original.txt"),
        ("a000_a001_.png 0 0 0 0 0 0 2", "line 1, name: .* of the same domain"),
    ],
)
def test_a_broken_pair_is_named(line: str, reason: str, tmp_path: Path) -> None:
    files = Files(tmp_path, "shapes3d-a")
    (tmp_path / "translated.txt").write_text(line)
    with pytest.raises(InputError, match=rf"translated\.txt: {reason}"):
        score("shapes3d-a", files.original, tmp_path / "translated.txt")


def test_another_data_set_is_recognised(tmp_path: Path) -> None:
    files = Files(tmp_path, "shapes3d-a")
    with pytest.raises(InputError, match=r"object_hue: should be .* Mend: name the data set"):
        score("shapes3d-b", files.original, files.translate("source"))
    with pytest.raises(InputError, match=r"'shapes' is unknown.*shapes3d-a"):
        score("shapes", files.original, files.original)


def test_a_fixed_value_is_the_most_frequent(tmp_path: Path) -> None:
    files = Files(tmp_path, "shapes3d-b")
    lines = files.original.read_text().splitlines()
    values = lines[0].split()
    values[1 + COLUMNS.index("orientation")] = "0"
    files.original.write_text("\n".join([" ".join(values), *lines[1:]]))
    assert files.score("oracle")["translation_quality"] == 1


def test_a_strange_or_absent_domain_is_named(tmp_path: Path) -> None:
    files = Files(tmp_path, "celeba")
    translated = files.translate("source")
    lines = files.original.read_text().splitlines()
    values = lines[7].split()
    values[1 + list(files.roles).index("Male")] = "-1"
    files.original.write_text("\n".join([*lines[:7], " ".join(values), *lines[8:]]))
    with pytest.raises(InputError, match=r"line 8, Male: -1 is neither domain.*use 1 for A"):
        score("celeba", files.original, translated)
    files.original.write_text("\n".join(line for line in lines if line.startswith("a")))
    (tmp_path / "one.txt").write_text("a000_a001_.png" + " 0" * 40)
    with pytest.raises(InputError, match="Male: holds no image of domain B"):
        score("celeba", files.original, tmp_path / "one.txt")


def test_a_pose_is_the_outcome_of_a_comparison(tmp_path: Path) -> None:
    files = Files(tmp_path, "synaction")
    (tmp_path / "translated.txt").write_text("a000_b000_.png 1 0 1\na000_b005_.png 1 0 17\n")
    with pytest.raises(InputError, match=r"line 2, pose: 17 is no outcome"):
        score("synaction", files.original, tmp_path / "translated.txt")

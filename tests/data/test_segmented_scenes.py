from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.data import segmented_scenes as scenes
from isthmus.errors import InputError
from isthmus.metrics.segmentation import nearest


def test_a_render_is_a_function_of_its_segmentation_and_of_looks_that_ignore_it() -> None:
    maps = scenes.segmentations(40, 32, 1)
    first, again, other = (scenes.render(maps, seed) for seed in (2, 2, 3))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any(axis=(1, 2, 3)).all()
    swapped = np.where(maps == 2, 3, np.where(maps == 3, 2, maps))
    np.testing.assert_array_equal(scenes.render(swapped, 2), first)
    moved = maps.copy()
    moved[:, :16, :16] = 0
    found = scenes.render(moved, 2)
    np.testing.assert_array_equal(found[:, :, 16:], first[:, :, 16:])
    np.testing.assert_array_equal(found[:, :, :, 16:], first[:, :, :, 16:])


def test_the_honest_reconstruction_is_the_median() -> None:
    maps = np.repeat(scenes.segmentations(1, 16, 5), 4000, axis=0)
    renders, honest = scenes.render(maps, 7), scenes.honest(maps[:1])
    for share in ((renders <= honest).mean(0), (renders >= honest).mean(0)):
        assert share.min() > 0.46


@pytest.mark.parametrize("shift", [-40, -12, 12, 40])
def test_nothing_else_that_is_honest_does_better(shift: int) -> None:
    maps = scenes.segmentations(400, 32, 1)
    renders, honest = scenes.render(maps, 2).astype(int), scenes.honest(maps).astype(int)
    for classes in ([0], [1], [2, 3, 4]):
        chosen = np.isin(maps, classes)[:, np.newaxis] & np.ones((1, 3, 1, 1), bool)
        floor = np.abs(renders - honest)[chosen].mean()
        assert np.abs(renders - honest - shift)[chosen].mean() > floor > 5


def test_hues_and_phases_are_uniform() -> None:
    maps = np.full((3000, 16, 16), 2)
    renders = scenes.render(maps, 0).astype(float)
    corner = renders[:, :, 3, 3]
    strongest = np.bincount(corner.argmax(1), minlength=3) / 3000
    np.testing.assert_allclose(strongest, 1 / 3, atol=0.03)
    one, other = corner.argmax(1), renders[:, :, 3, 12].argmax(1)
    assert (one == other).mean() == pytest.approx(1 / 3, abs=0.03)


@pytest.mark.parametrize("size", [16, 32])
def test_scenes_hold_two_to_four_objects_apart_in_their_quarters(size: int) -> None:
    maps = scenes.segmentations(300, size, 3)
    half = size // 2
    quarters = [maps[:, y : y + half, x : x + half] for y in (0, half) for x in (0, half)]
    kinds = np.array([[np.unique(q[q > 1]).size for q in quarter] for quarter in quarters])
    assert kinds.max() == 1
    assert set(kinds.sum(0)) == {2, 3, 4}
    assert set(np.unique(maps)) == {0, 1, 2, 3, 4}
    assert (maps[:, 0] != 1).all() and (maps[:, -1] != 0).all()


def test_the_nearest_colour_decodes_a_segmentation() -> None:
    maps = scenes.segmentations(20, 32, 3)
    noise = np.random.default_rng(0).normal(0, 15, (20, 3, 32, 32))
    images = torch.from_numpy(scenes.paint(maps) + noise)
    np.testing.assert_array_equal(nearest(images, torch.from_numpy(scenes.PALETTE)), maps)


@pytest.mark.parametrize("paired", [False, True])
def test_tables(paired: bool) -> None:
    tables = scenes.load(16, train_size=30, test_size=20, seed=4, paired=paired)
    palette = torch.from_numpy(scenes.PALETTE)

    def sides(name: str) -> tuple[np.ndarray, np.ndarray]:
        table = tables[name]
        images = table.values.transpose(0, 3, 1, 2)
        a, b = (images[table.factors["domain"] == code] for code in (0, 1))
        return a, nearest(torch.from_numpy(b.copy()), palette).numpy()

    def floor(name: str) -> float:
        a, maps = sides(name)
        return float(np.abs(a - scenes.honest(maps).astype(float)).mean())

    assert [len(tables[name]) for name in ("train", "test")] == [60, 40]
    assert tables["train"].shape == (16, 16, 3)
    assert floor("test") < 26
    assert (floor("train") < 26) is paired
    again = scenes.load(16, train_size=30, test_size=20, seed=4, paired=paired)
    np.testing.assert_array_equal(tables["train"].values, again["train"].values)
    other = scenes.load(16, train_size=30, test_size=20, seed=5, paired=paired)
    assert (tables["train"].values != other["train"].values).any()
    assert (sides("train")[1][:20] != sides("test")[1]).any()


def test_what_is_refused() -> None:
    with pytest.raises(InputError, match="train_size"):
        scenes.load(16, train_size=0, seed=0)
    with pytest.raises(InputError, match="is 8 pixels"):
        scenes.segmentations(1, 8, 0)
    for maps in (np.zeros((1, 16, 15), int), np.zeros((1, 16, 16)), np.full((1, 16, 16), 5)):
        with pytest.raises(InputError, match="segmentations"):
            scenes.render(maps, 0)
        with pytest.raises(InputError, match="segmentations"):
            scenes.honest(maps)

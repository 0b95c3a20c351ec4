"""The sets of the adaptation benchmark: what source and targets share, and what they do not."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_digits

from isthmus.data import rendered_objects, typeset_digits
from isthmus.data.object_models import FAMILIES, Draw, model
from isthmus.errors import InputError

DIGITS = typeset_digits.load(source_size=60, source_test_size=30, seed=5)
OBJECTS = rendered_objects.load(source_size=30, source_test_size=12, target_size=24, seed=5)


@pytest.mark.parametrize(("tables", "shape"), [(DIGITS, (8, 8, 1)), (OBJECTS, (32, 32, 3))])
def test_all_domains_have_the_same_classes_and_shape(tables, shape):
    assert list(tables) == ["source", "source_test", "validation", "test"]
    assert {table.shape for table in tables.values()} == {shape}
    assert len({table.levels["class"] for table in tables.values()}) == 1


def test_the_same_seed_gives_the_same_images_and_another_does_not():
    for module, sizes in (
        (typeset_digits, {"source_size": 8, "source_test_size": 8}),
        (rendered_objects, {"source_size": 4, "source_test_size": 4, "target_size": 4}),
    ):
        one, same, other = (module.load(**sizes, seed=seed)["source"] for seed in (1, 1, 2))
        assert np.array_equal(one.values, same.values)
        assert not np.array_equal(one.values, other.values)


def test_the_targets_are_the_packaged_digits_each_once():
    packaged = load_digits()
    validation = DIGITS["validation"]
    half = len(validation)
    assert half + len(DIGITS["test"]) == len(packaged.target)
    assert np.array_equal(validation.values[..., 0], np.rint(packaged.images[:half] * 255 / 16))
    assert np.array_equal(DIGITS["test"].factors["class"], packaged.target[half:])


def test_the_ink_of_typeset_digits_reaches_the_frame():
    values = DIGITS["source"].values[..., 0]
    assert (values[:, [0, -1], :].max((1, 2)) > 0).all()


def test_a_degraded_digit_has_less_contrast_and_detail():
    before = DIGITS["validation"].values[..., 0]
    after = typeset_digits.degraded(before)
    contrast = (x.astype(float).std((1, 2)).mean() for x in (after, before))
    assert next(contrast) < 0.6 * next(contrast)
    flat = typeset_digits.degraded(np.full((1, 8, 8), 255, np.uint8))
    assert (flat == round(127.5 + 0.6 * 127.5)).all()


@pytest.mark.parametrize("odd", [False, True])
def test_lengths_come_from_their_half_of_a_range(odd):
    draw = Draw(np.random.default_rng(0), odd=odd)
    places = np.array([(draw(2, 6) - 2) / 4 for _ in range(300)])
    assert places.min() >= 0
    assert places.max() <= 1
    assert set(np.floor(places * 8).astype(int) % 2) == {int(odd)}


@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_is_a_closed_centred_surface_of_unit_normals(family):
    found = model(family, Draw(np.random.default_rng(0), odd=False))
    low, high = found.points.min(0), found.points.max(0)
    assert (high - low).max() == pytest.approx(2)
    assert low + high == pytest.approx([0, 0, 0], abs=1e-9)
    assert np.linalg.norm(found.normals, axis=1) == pytest.approx(1)
    for part in range(found.part.max() + 1):
        rows = found.part == part
        outwards = found.points[rows] - found.points[rows].mean(0)
        assert (outwards * found.normals[rows]).sum(1).mean() > 0


def test_renders_have_a_plain_ground_and_photographs_have_not():
    corner = OBJECTS["source"].values[:, 0, 0]
    assert (corner == round(0.92 * 255)).all()
    spread = [
        OBJECTS[name].values[:, :4, :4].astype(float).std() for name in ("validation", "test")
    ]
    assert min(spread) > 10


def test_half_of_the_renders_are_grey():
    values = rendered_objects.load(source_size=60, source_test_size=1, target_size=1, seed=0)
    grey = (np.ptp(values["source"].values.astype(int), axis=-1) == 0).all((1, 2))
    assert 0.25 < grey.mean() < 0.75


@pytest.mark.parametrize("module", [typeset_digits, rendered_objects])
def test_sizes_that_make_no_sense_are_refused(module):
    sizes = {"source_size": 5, "source_test_size": 0}
    if module is rendered_objects:
        sizes["target_size"] = 5
    with pytest.raises(InputError, match="source_test_size: is 0"):
        module.load(**sizes, seed=0)

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from isthmus.data import stick_figures
from isthmus.data.stick_figures import JOINTS, LEVELS, MOTIONS, POSES
from isthmus.errors import InputError

SIZES = [len(levels) for levels in LEVELS.values()]


def every_combination() -> dict[str, Any]:
    grid = np.indices(SIZES).reshape(len(SIZES), -1)
    return dict(zip(LEVELS, grid, strict=True))


def drawn(rows: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    return {name: rng.integers(len(levels), size=rows) for name, levels in LEVELS.items()}


@pytest.mark.parametrize("size", [16, 32])
def test_decoding_inverts_rendering(size: int) -> None:
    factors = every_combination()
    decoded = stick_figures.decode(stick_figures.render(factors, size))
    assert decoded.keys() == factors.keys()
    for name, codes in factors.items():
        np.testing.assert_array_equal(decoded[name], codes)


def test_decoding_survives_noise() -> None:
    factors = drawn(500)
    noise = np.random.default_rng(1).normal(0, 20, (500, 3, 32, 32))
    noisy = np.clip(stick_figures.render(factors, 32) + noise, 0, 255).astype(np.uint8)
    decoded = stick_figures.decode(noisy)
    assert all((decoded[name] == codes).mean() > 0.99 for name, codes in factors.items())


def test_the_domains_share_poses_only() -> None:
    table = stick_figures.load(16)
    assert table.values.shape == (640 + 720, 16, 16, 3)
    a, b = (table.take(table.factors["domain"] == domain).factors for domain in (0, 1))
    assert set(a["identity"]) == {0} and set(a["background"]) == set(range(1, 9))
    assert set(b["background"]) == {0} and set(b["identity"]) == set(range(1, 10))
    assert set(a["pose"]) == set(b["pose"]) == set(range(len(POSES)))
    assert len(np.unique(table.values.reshape(len(table), -1), axis=0)) == len(table)
    again = stick_figures.render(table.factors, 16).transpose(0, 2, 3, 1)
    np.testing.assert_array_equal(table.values, again)


@pytest.mark.parametrize("target", ["a", "b"])
def test_a_counterfactual_is_an_image_of_the_target(target: Any) -> None:
    table = stick_figures.load(16)
    domain = "ab".index(target)
    rng = np.random.default_rng(3)
    content, guide = (
        table.take(rng.choice(np.flatnonzero(table.factors["domain"] == code), 50)).factors
        for code in (1 - domain, domain)
    )
    right = stick_figures.counterfactual(content, guide, target)
    specific, fixed = ("background", "identity") if target == "a" else ("identity", "background")
    np.testing.assert_array_equal(right["pose"], content["pose"])
    np.testing.assert_array_equal(right[specific], guide[specific])
    assert not right[fixed].any()
    targets = table.values[table.factors["domain"] == domain].reshape(-1, 16 * 16 * 3)
    known = {image.tobytes() for image in targets}
    images = stick_figures.render(right, 16).transpose(0, 2, 3, 1)
    assert all(np.ascontiguousarray(image).tobytes() in known for image in images)
    decoded = stick_figures.decode(stick_figures.render(right, 16))
    np.testing.assert_array_equal(decoded["pose"], content["pose"])


def test_limbs_keep_their_lengths() -> None:
    identity, pose = np.indices((10, len(POSES))).reshape(2, -1)
    points = stick_figures.keypoints(pose, identity).reshape(10, len(POSES), len(JOINTS), 2)
    bones = [("neck", "head")]
    for side in ("left", "right"):
        for chain in (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle")):
            bones += [(f"{side}_{a}", f"{side}_{b}") for a, b in pairwise(chain)]
    for start, end in bones:
        bone = points[:, :, JOINTS.index(start)] - points[:, :, JOINTS.index(end)]
        lengths = np.linalg.norm(bone, axis=-1)
        np.testing.assert_allclose(lengths, np.broadcast_to(lengths[:, :1], lengths.shape))
        assert len(np.unique(lengths[:, 0].round(6))) > 1
    assert points.min() > 0.03 and points.max() < 0.97


def test_the_lowest_foot_stands_on_the_ground_unless_it_jumps() -> None:
    points = stick_figures.keypoints(np.arange(len(POSES)), np.full(len(POSES), 4))
    feet = points[:, [JOINTS.index("left_ankle"), JOINTS.index("right_ankle")], 1].max(axis=1)
    lifted = dict(zip(POSES, 0.9 - feet, strict=True))
    assert lifted["jack-0"] == pytest.approx(0, abs=1e-12)
    assert lifted["squat-5"] == pytest.approx(0, abs=1e-12)
    assert 0.05 < lifted["jack-4"] < 0.07


def test_motions_are_smooth() -> None:
    points = stick_figures.keypoints(np.arange(len(POSES)), np.zeros(len(POSES), np.int64))
    steps = np.diff(points.reshape(len(MOTIONS), -1, len(JOINTS), 2), axis=1)
    lengths = np.linalg.norm(steps, axis=-1)
    assert lengths.max(axis=2).min() > 0.01
    assert lengths.max() < 0.18


def test_keypoints_are_where_the_figure_is_drawn() -> None:
    size = 32
    factors = {
        "identity": np.repeat(np.arange(10), len(POSES)),
        "pose": np.tile(np.arange(len(POSES)), 10),
    }
    plain, sunset = (
        stick_figures.render(factors | {"background": np.full(800, code)}, size).astype(float)
        for code in (0, 7)
    )
    seen = np.abs(plain - sunset).max(axis=1)
    covered = 1 - seen / seen.max(axis=0)
    points = stick_figures.keypoints(factors["pose"], factors["identity"])
    at = np.floor(points * size).astype(int)
    at_joints = covered[np.arange(len(at))[:, np.newaxis], at[..., 1], at[..., 0]]
    assert (at_joints.min(axis=0) > 0.2).all()
    above = points[..., 1].min(axis=1) - 0.12
    rows = (np.arange(size) + 1) / size
    assert covered[rows[np.newaxis] < above[:, np.newaxis]].max() < 0.05


def test_the_body_hides_the_background() -> None:
    pose = POSES.index("jack-3")
    scenes = {"identity": np.full(9, 3), "background": np.arange(9), "pose": np.full(9, pose)}
    images = stick_figures.render(scenes, 32)
    chest = stick_figures.keypoints([pose], [3])[0, JOINTS.index("neck")] + [0, 0.05]
    column, row = np.floor(chest * 32).astype(int)
    assert (images[:, :, row, column] == images[0, :, row, column]).all()
    assert len(np.unique(images[:, :, 1, 1], axis=0)) >= 8


def test_a_figure_keeps_its_place_at_every_size() -> None:
    factors = drawn(100)
    fine, coarse = (stick_figures.render(factors, size).astype(float) for size in (32, 16))
    averaged = fine.reshape(100, 3, 16, 2, 16, 2).mean(axis=(3, 5))
    assert np.abs(averaged - coarse).mean() < 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pose": [80, 0]}, "pose"),
        ({"identity": [-1, 0]}, "identity"),
        ({"background": [0.0, 1.0]}, "background"),
        ({"background": [[0, 1]]}, "background"),
        ({"pose": [1, 2, 3]}, ""),
        ({"pose": None}, "pose"),
    ],
)
def test_factors_that_are_refused(change: dict[str, Any], field: str) -> None:
    factors = {name: [0, 1] for name in LEVELS} | change
    with pytest.raises(InputError) as error:
        stick_figures.render({name: codes for name, codes in factors.items() if codes}, 32)
    assert error.value.field == field


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 32, 32, 3), np.uint8),
        np.zeros((2, 3, 32, 16), np.uint8),
        np.zeros((2, 3, 32, 32), np.float32),
        np.zeros((2, 3, 8, 8), np.uint8),
    ],
)
def test_images_that_are_refused(images: Any) -> None:
    with pytest.raises(InputError):
        stick_figures.decode(images)
    with pytest.raises(InputError, match="is 12 pixels"):
        stick_figures.load(12)

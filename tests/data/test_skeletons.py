from __future__ import annotations

import numpy as np
import pytest

from isthmus.data import skeletons
from isthmus.data.skeletons import (
    JOINTS,
    LENGTHS,
    PARENTS,
    bone_lengths,
    forward,
    limb_lengths,
    poses,
)
from isthmus.errors import InputError

PLACE = {name: index for index, name in enumerate(JOINTS)}


@pytest.mark.parametrize("kind", ["everyday", "skiing"])
def test_bones_keep_the_lengths_of_their_subject(kind):
    found = poses(120, range(3), kind, seed=4)
    lengths = limb_lengths(found.joints)
    for subject in range(3):
        mine = lengths[found.subjects == subject]
        assert mine == pytest.approx(np.tile(bone_lengths(subject)[1:], (len(mine), 1)))
    assert np.abs(bone_lengths(1)[1:] / LENGTHS[1:] - 1).max() < 0.09


def test_a_body_at_rest_stands_upright_with_equal_sides():
    (pose,) = forward({"lumbar": np.zeros((1, 3))}, LENGTHS)
    assert pose[PLACE["head"], 2] > pose[PLACE["thorax"], 2] > 0 > pose[PLACE["left_ankle"], 2]
    assert pose[PLACE["left_wrist"], 1] > 0 > pose[PLACE["right_wrist"], 1]
    assert pose[list(skeletons.MIRRORED)] * (1, -1, 1) == pytest.approx(pose)


@pytest.mark.parametrize(
    ("part", "angle", "joint", "axis", "sign"),
    [
        ("left_knee", (0, 90, 0), "left_ankle", 0, -1),
        ("right_hip", (0, -90, 0), "right_knee", 0, 1),
        ("left_elbow", (0, -90, 0), "left_wrist", 0, 1),
        ("left_shoulder", (90, 0, 0), "left_elbow", 1, 1),
        ("right_shoulder", (90, 0, 0), "right_elbow", 1, -1),
        ("lumbar", (0, 30, 0), "head", 0, 1),
    ],
)
def test_a_part_turns_the_way_a_body_does(part, angle, joint, axis, sign):
    rest = forward({part: np.zeros((1, 3))}, LENGTHS)[0, PLACE[joint]]
    turned = forward({part: np.array([angle], dtype=float)}, LENGTHS)[0, PLACE[joint]]
    assert sign * (turned - rest)[axis] > 100


def test_subjects_and_seeds_make_different_motions_and_feet_stand_on_the_ground():
    a, b = (poses(50, range(2), seed=seed) for seed in (1, 2))
    assert not np.allclose(a.joints, b.joints)
    assert (a.joints == poses(50, range(2), seed=1).joints).all()
    assert a.joints[..., 2].min(1) == pytest.approx(0)
    assert set(a.subjects) == {0, 1}
    assert len(PARENTS) == len(JOINTS) == 17


@pytest.mark.parametrize(("count", "subjects"), [(0, range(2)), (5, range(0))])
def test_nothing_to_make_is_refused(count, subjects):
    with pytest.raises(InputError):
        poses(count, subjects, seed=0)

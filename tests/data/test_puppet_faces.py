from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from isthmus.data import cartoon_faces, puppet_faces
from isthmus.data.cartoon_faces import LIGHT, LIGHTS, Style
from isthmus.data.puppets import Puppets, unstack

SIDE, STEPS = 32, 10


@pytest.fixture(scope="module", params=[False, True], ids=["near", "far"])
def faces(request: pytest.FixtureRequest) -> Puppets:
    return puppet_faces.load(
        SIDE, real_train=30, real_test=5, triplets=12, sequences=3, far=request.param, seed=1
    )


def decoded(images: npt.NDArray[np.uint8], style: Style = "clean") -> dict[str, npt.NDArray[Any]]:
    """Factors and light of the nearest faces: for each light those of the image without it."""
    x = (np.arange(SIDE) + 0.5) / SIDE
    found, distances = [], []
    for code in range(len(LIGHTS)):
        unlit = images / (1 + 0.4 * (code - 1) * (2 * x - 1))
        factors = cartoon_faces.decode(np.rint(unlit.clip(0, 255)).astype(np.uint8), style=style)
        factors |= {LIGHT: np.full(len(images), code)}
        drawn = cartoon_faces.render(factors, SIDE, style=style).astype(float)
        distances.append(((drawn - images) ** 2).sum((1, 2, 3)))
        found.append(factors)
    best, rows = np.argmin(distances, 0), np.arange(len(images))
    return {name: np.stack([each[name] for each in found])[best, rows] for name in found[0]}


def test_the_third_face_has_the_mouth_of_the_first_and_the_rest_of_the_second(
    faces: Puppets,
) -> None:
    members = [decoded(images) for images in unstack(faces.triplets).swapaxes(0, 1)]
    first, second, third = members
    for name in puppet_faces.VARIED:
        assert (second[name] == third[name]).mean() > 0.9, name
    assert np.abs(first["mouth_opening"] - third["mouth_opening"]).mean() < 0.05
    known = faces.triplets.measures
    assert np.array_equal(known["attribute_mouth_opening"], known["both_mouth_opening"])
    assert np.abs(third["mouth_opening"] - known["both_mouth_opening"]).mean() < 0.07


def test_in_a_sequence_the_mouth_alone_opens(faces: Puppets) -> None:
    found = decoded(faces.sequences.values.transpose(0, 3, 1, 2))
    for name in puppet_faces.VARIED:
        assert (np.ptp(found[name].reshape(-1, STEPS), axis=1) == 0).mean() > 0.6, name
    openings = faces.sequences.measures["mouth_opening"].reshape(-1, STEPS)
    assert (np.diff(openings) > 0).all()
    assert np.allclose(openings[:, [0, -1]], [0, 1], atol=1e-6)


@pytest.mark.parametrize(("far", "yaws"), [(False, 5), (True, 1)])
def test_far_heads_are_all_turned(far: bool, yaws: int) -> None:
    counts = {"real_train": 2, "real_test": 2, "triplets": 40, "sequences": 2}
    shown = puppet_faces.load(SIDE, far=far, seed=0, **counts).triplets
    found = decoded(unstack(shown)[:, 0])["yaw"]
    assert len(set(found)) == yaws
    assert puppet_faces.FAR_YAW in found


def test_the_light_varies_in_both_renderings(faces: Puppets) -> None:
    assert set(faces.real["train"].factors[LIGHT]) == set(range(len(LIGHTS)))
    assert set(decoded(unstack(faces.triplets)[:, 1])[LIGHT]) == set(range(len(LIGHTS)))


def test_real_faces_are_labelled_by_their_mouths(faces: Puppets) -> None:
    real = faces.real["train"]
    mouth = real.measures["mouth_opening"]
    assert np.array_equal(real.factors["expression"], (mouth > 0.5).astype(int))
    assert np.corrcoef(real.factors["opening"], mouth)[0, 1] > 0.98
    assert set(real.factors["opening"]) <= set(range(puppet_faces.BINS))


def test_the_truth_moves_the_mouth_and_nothing_else(faces: Puppets) -> None:
    real, openings = faces.real["test"], np.array([0.0, 1.0])
    moved = puppet_faces.truth(real, openings)
    assert moved.shape == (5, 2, 3, SIDE, SIDE)
    found = decoded(moved.reshape(-1, *moved.shape[2:]), style="real")
    for name in puppet_faces.VARIED:
        assert (found[name] == real.factors[name].repeat(2)).mean() > 0.7, name
    assert np.abs(found["mouth_opening"] - np.tile(openings, 5)).mean() < 0.15

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data.meshes import PARTS, STANDING, STRIDING, Mesh, body
from isthmus.errors import InputError

DEGREES = st.floats(-180, 180)
POSES = st.dictionaries(st.sampled_from(sorted(PARTS)), st.tuples(DEGREES, DEGREES, DEGREES))


def part(mesh: Mesh, name: str) -> np.ndarray:
    return mesh.vertices[mesh.parts == list(PARTS).index(name)]


def lengths(mesh: Mesh) -> np.ndarray:
    start, end = mesh.edges.T
    return np.linalg.norm(mesh.vertices[start] - mesh.vertices[end], axis=1)


@settings(deadline=None, max_examples=25)
@given(pose=POSES)
def test_a_pose_keeps_the_mesh_and_every_edge_length(pose: dict) -> None:
    rest, posed = body({}, vertices=300), body(pose, vertices=300)
    assert np.array_equal(posed.triangles, rest.triangles)
    assert np.array_equal(posed.parts, rest.parts)
    np.testing.assert_allclose(lengths(posed), lengths(rest), atol=1e-12)


@pytest.mark.parametrize("vertices", [200, 1500])
def test_every_part_is_a_closed_sphere_of_its_own(vertices: int) -> None:
    mesh = body(STANDING, vertices=vertices)
    assert len(mesh.vertices) == pytest.approx(vertices, abs=len(PARTS) / 2)
    assert (mesh.parts[mesh.edges[:, 0]] == mesh.parts[mesh.edges[:, 1]]).all()
    for label in range(len(PARTS)):
        corners = int((mesh.parts == label).sum())
        edges = int((mesh.parts[mesh.edges[:, 0]] == label).sum())
        faces = int((mesh.parts[mesh.triangles[:, 0]] == label).sum())
        assert corners - edges + faces == 2


def test_triangles_face_outwards_so_the_volume_is_that_of_the_ellipsoids() -> None:
    mesh = body(STRIDING, vertices=20_000)
    volumes = np.linalg.det(mesh.vertices[mesh.triangles]) / 6
    for label, shape in enumerate(PARTS.values()):
        volume = volumes[mesh.parts[mesh.triangles[:, 0]] == label].sum()
        assert volume == pytest.approx(4 / 3 * math.pi * math.prod(shape.radii), rel=0.01)


def test_vertices_are_shared_out_by_surface() -> None:
    counts = np.bincount(body({}, vertices=3000).parts)
    sphere_like = 4 * math.pi * 0.095 * 0.12
    head, thigh = counts[list(PARTS).index("head")], counts[list(PARTS).index("left thigh")]
    assert thigh / head == pytest.approx(_spheroid_area(0.08, 0.24) / sphere_like, rel=0.05)


def _spheroid_area(radius: float, half_length: float) -> float:
    e = math.sqrt(1 - (radius / half_length) ** 2)
    return 2 * math.pi * radius**2 * (1 + half_length / (radius * e) * math.asin(e))


def test_the_figure_at_rest_is_symmetric() -> None:
    mesh = body({}, vertices=3000)
    for name in ("upper arm", "forearm", "thigh", "shin"):
        left, right = part(mesh, f"left {name}").mean(0), part(mesh, f"right {name}").mean(0)
        np.testing.assert_allclose(left * [-1, 1, 1], right, atol=1e-3)


def test_a_joint_carries_what_hangs_on_it() -> None:
    raised = body({"left upper arm": (0, -90, 0)}, vertices=3000)
    joint = np.add(PARTS["torso"].joint, PARTS["left upper arm"].joint)
    arm, forearm = (
        part(raised, f"left {name}").mean(0) - joint for name in ("upper arm", "forearm")
    )
    np.testing.assert_allclose(arm, [0.15, 0, 0], atol=2e-3)
    np.testing.assert_allclose(forearm, [0.45, 0, 0], atol=2e-3)
    rest = body({}, vertices=3000)
    others = ~np.isin(
        rest.parts, [list(PARTS).index(f"left {n}") for n in ("upper arm", "forearm")]
    )
    assert np.array_equal(raised.vertices[others], rest.vertices[others])


def test_the_two_poses_differ_and_are_the_same_each_time() -> None:
    a, b = body(STANDING), body(STRIDING)
    assert np.array_equal(a.vertices, body(STANDING).vertices)
    assert np.linalg.norm(a.vertices - b.vertices, axis=1).max() > 0.4


@pytest.mark.parametrize(
    ("pose", "vertices", "found"),
    [({"tail": (0, 0, 0)}, 1500, "'tail' is no part"), ({"head": (0, math.nan, 0)}, 1500, "head"),
     ({}, 50, "vertices: is 50")],
)  # fmt: skip
def test_a_senseless_body_is_refused(pose: dict, vertices: int, found: str) -> None:
    with pytest.raises(InputError, match=found):
        body(pose, vertices=vertices)

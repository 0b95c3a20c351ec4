from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from isthmus.alignment.mesh_experiment import edge_error, mesh_experiment, nearest
from isthmus.data.meshes import STANDING, STRIDING, Mesh, body
from isthmus.stages.meshes import draw

TINY: dict[str, Any] = {"vertices": 200, "couplings": 2, "hidden": (8,), "batch_size": 64}


@pytest.fixture(scope="module")
def target() -> Mesh:
    return body(STRIDING, vertices=300)


def test_a_body_in_another_pose_has_no_edge_error(target: Mesh) -> None:
    assert edge_error(body(STANDING, vertices=300).vertices, target) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(("scale", "expected"), [(1.5, 0.5), (0.8, 0.2), (0.0, 1.0)])
def test_a_body_of_another_size_has_its_relative_difference(
    target: Mesh, scale: float, expected: float
) -> None:
    assert edge_error(scale * target.vertices, target) == pytest.approx(expected)


def test_one_stretched_edge_counts_by_its_share() -> None:
    square = np.array([[0, 0, 0], [3, 0, 0], [0, 4, 0]], float)
    mesh = Mesh(square, np.array([[0, 1, 2]]), np.zeros(3, int))
    stretched = np.array([[0, 0, 0], [3, 0, 0], [0, 0, 4]], float)
    assert edge_error(stretched, mesh) == pytest.approx(0)
    assert edge_error(square * [1, 0, 0], mesh) == pytest.approx((0 + 1 + 2 / 5) / 3)


def test_the_target_itself_lies_on_the_target_and_exchanged_parts_are_not_kept(
    target: Mesh,
) -> None:
    assert nearest(target.vertices, target) == (0, 1)
    exchanged = target.vertices.copy()
    head, torso = (np.flatnonzero(target.parts == label) for label in (1, 0))
    exchanged[head] = target.vertices[torso[: len(head)]]
    distance, kept = nearest(exchanged, target)
    assert distance == 0
    assert kept == pytest.approx(1 - len(head) / len(target.parts))
    assert nearest(target.vertices + 10, target)[0] > 8


def test_untrained_flows_leave_the_body_where_it_is() -> None:
    result = mesh_experiment([3, 4], steps=1, learning_rate=1e-12, **TINY)
    for vertices in result.moved.values():
        assert vertices.shape == (2, *result.a.vertices.shape)
        np.testing.assert_allclose(vertices[1], result.a.vertices, atol=1e-5)
    assert result.metrics["none"]["edge_error"] == pytest.approx([0, 0], abs=1e-5)
    expected = np.linalg.norm(result.a.vertices - result.b.vertices, axis=1).mean()
    assert result.metrics["none"]["vertex_error"] == pytest.approx([expected] * 2, rel=1e-5)


def test_it_aligns_writes_every_figure_and_repeats_itself(tmp_path: Path) -> None:
    first, again = (
        mesh_experiment([3, 4], steps=120, learning_rate=1e-2, **TINY) for _ in range(2)
    )
    assert first.metrics == again.metrics
    assert torch.equal(first.curve, again.curve)
    common = {"edge_error", "surface_distance", "part_kept", "vertex_error"}
    assert {name: set(figures) for name, figures in first.metrics.items()} == {
        "none": common,
        "lrmf-realnvp": common | {"loss", "loss_error"},
        "back-to-back": common,
    }
    assert (first.curve[-20:].mean(0) < first.curve[:20].mean(0) - 0.1).all()
    pictures = [tmp_path / name for name in ("first.png", "again.png")]
    for result, path in zip((first, again), pictures, strict=True):
        draw(result, path)
    assert pictures[0].read_bytes() == pictures[1].read_bytes()

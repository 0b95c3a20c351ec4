"""Setup 2 of LRMF: move the vertices of one body pose to the law of another."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial import KDTree
from torch import Tensor

from isthmus.alignment.back_to_back import BackToBack
from isthmus.alignment.lrmf import LRMF
from isthmus.data.meshes import STANDING, STRIDING, Mesh, body
from isthmus.densities import RealNVP, RealNVPDensity

Array = npt.NDArray[np.float64]

NONE, LRMF_REALNVP, BACK_TO_BACK = "none", "lrmf-realnvp", "back-to-back"


@dataclass(frozen=True)
class MeshExperiment:
    """The body after each method.

    Attributes:
        a: The mesh in pose A.
        b: The mesh in pose B.
        moved: By method the vertices of A after it, in metres, of shape `(seeds, V, 3)`.
        metrics: By method, then by figure, one number a seed.
        curve: LRMF's loss in nats of each step, of shape `(steps, seeds)`.
    """

    a: Mesh
    b: Mesh
    moved: dict[str, Array]
    metrics: dict[str, dict[str, list[float]]]
    curve: Tensor


def edge_error(vertices: Array, target: Mesh) -> float:
    """Mean over the edges of |length / length in the target - 1|: 0 where the body is kept.

    Blind to rigid motions, and so to the pose itself; parts that are moved rigidly cost nothing.

    Args:
        vertices: Vertices numbered like those of the target, in its unit, of shape `(V, 3)`.
        target: The mesh in its true pose.

    Returns:
        The relative error, without unit, 0 or more.
    """
    start, end = target.edges.T
    length, expected = (
        np.linalg.norm(points[start] - points[end], axis=1)
        for points in (vertices, target.vertices)
    )
    return float(np.abs(length / expected - 1).mean())


def nearest(vertices: Array, target: Mesh) -> tuple[float, float]:
    """How close the vertices lie to the target, and how many to the right part of it.

    Args:
        vertices: Vertices numbered like those of the target, in metres, of shape `(V, 3)`.
        target: The mesh in its true pose.

    Returns:
        Mean distance to the nearest vertex of the target in metres, and the share of vertices
        whose nearest one belongs to their own body part, from 0 to 1.
    """
    distance, index = KDTree(target.vertices).query(vertices)
    return float(distance.mean()), float((target.parts[index] == target.parts).mean())


def mesh_experiment(
    seeds: Sequence[int],
    *,
    vertices: int = 2000,
    couplings: int = 8,
    hidden: Sequence[int] = (64, 64),
    steps: int = 1600,
    batch_size: int = 128,
    learning_rate: float = 5e-3,
    held_out: float = 0.2,
    on_step: Callable[[int, Tensor], None] | None = None,
) -> MeshExperiment:
    """LRMF against F o G^-1 on two poses of one body (Usman et al. 2020, setup 2 of the poster).

    The vertices are samples of a law on R^3, in a unit in which B has mean 0 and standard
    deviation 1 along each axis; which vertex of A belongs to which of B is never told. Both methods
    use the same private densities: LRMF for its constant, F o G^-1 as its map. Every vertex is
    moved in the end; LRMF is certified on those held out.

    Args:
        seeds: One a member of the ensemble.
        vertices: Vertices of the body, about.
        couplings: Couplings of every flow.
        hidden: Widths of the hidden layers of a coupling.
        steps: Steps of each training.
        batch_size: Vertices of each pose in a step.
        learning_rate: Adam's step size at the start.
        held_out: Share of the vertices held out.
        on_step: Called after each step of training with its number and the losses.
    """
    a, b = body(STANDING, vertices=vertices), body(STRIDING, vertices=vertices)
    mean, deviation = b.vertices.mean(0), b.vertices.std(0)
    x, y = (
        torch.as_tensor((mesh.vertices - mean) / deviation, dtype=torch.float32) for mesh in (a, b)
    )
    family: dict[str, Any] = {
        "couplings": couplings,
        "hidden": hidden,
        "batch_shape": (len(seeds),),
        "seeds": seeds,
    }
    aligner = LRMF(
        RealNVPDensity(3, **family),
        RealNVP(3, **family),
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seeds=seeds,
    ).fit(x, y, held_out=held_out, on_step=on_step)
    with torch.no_grad():
        images = {
            NONE: x.expand(len(seeds), *x.shape),
            LRMF_REALNVP: aligner.transform(x),
            BACK_TO_BACK: BackToBack(*aligner.private_)()(x),
        }
    moved = {name: image.double().numpy() * deviation + mean for name, image in images.items()}
    metrics = {name: _judge(bodies, b) for name, bodies in moved.items()}
    certificates = aligner.result_.certificates
    metrics[LRMF_REALNVP] |= {
        "loss": [certificate.value for certificate in certificates],
        "loss_error": [certificate.error for certificate in certificates],
    }
    return MeshExperiment(a, b, moved, metrics, aligner.result_.curve)


def _judge(bodies: Array, target: Mesh) -> dict[str, list[float]]:
    distances, kept = zip(*(nearest(vertices, target) for vertices in bodies), strict=True)
    return {
        "edge_error": [edge_error(vertices, target) for vertices in bodies],
        "surface_distance": list(distances),
        "part_kept": list(kept),
        "vertex_error": np.linalg.norm(bodies - target.vertices, axis=-1).mean(-1).tolist(),
    }

"""Monocular poses without labels, from several views of the same moments (Wandt et al. 2021).

CanonPose: one view's joints become a pose in a canonical frame and a rotation into the camera. The
pose of any view under the rotation of any other must project onto what that other sees:

    L = mean over pairs (a, b) of |X_a R_b - x_b|_1, weighted by confidence,

with projections and joints divided by their root mean square about their mean. Own views (a = b)
and pairs have weight 1 each. Left out: the term on relative rotations, which needs fixed cameras.

**Mirror.** Weak perspective cannot tell a body from its mirror image in depth. Of Human3.6M's
seventeen joints the knees decide, frame by frame over all its views: they bend forward. For other
joints nobody decides.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from isthmus.data.skeletons import JOINTS
from isthmus.errors import InputError
from isthmus.networks.convolutional import SLOPE
from isthmus.networks.randomness import batches, generator, seeded

WIDTH, STEPS, BATCH, RATE, DECAY = 256, 2000, 64, 1e-3, 1e-5
"""Ours, for frames by the thousand; published: 1024 wide, 100 epochs in batches of 32 at 1e-4."""
MIRROR_JOINTS = len(JOINTS)
"""With as many joints, taken to be Human3.6M's, the mirror image is told apart."""
MIRROR_WEIGHT = 1.0
_SMALL = 1e-8
_PELVIS, _THORAX = JOINTS.index("pelvis"), JOINTS.index("thorax")
_LEGS = {
    side: tuple(JOINTS.index(f"{side}_{part}") for part in ("hip", "knee", "ankle"))
    for side in ("left", "right")
}


class Lifter(nn.Module):
    """From one view's joints to a canonical pose and its rotation into the camera."""

    def __init__(self, joints: int, width: int = WIDTH, *, seed: int = 0) -> None:
        super().__init__()
        self.config = {"joints": joints, "width": width}
        with seeded(seed):
            self.begin = nn.Linear(3 * joints, width)
            self.shared = _Residual(width)
            self.pose = nn.Sequential(
                _Residual(width), _Residual(width), nn.Linear(width, 3 * joints)
            )
            self.turn = nn.Sequential(_Residual(width), _Residual(width), nn.Linear(width, 3))

    def forward(self, points: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor]:
        """Poses `(n, J, 3)` and rotations `(n, 3, 3)`; a joint is seen at `p R`.

        Args:
            points: Normalised joints, `(n, J, 2)`.
            confidence: From 0 to 1, `(n, J)`.
        """
        values = torch.cat([(points * confidence[..., None]).flatten(1), confidence], 1)
        values = self.shared(torch.nn.functional.leaky_relu(self.begin(values), SLOPE))
        pose = self.pose(values).unflatten(-1, (-1, 3))
        return pose, torch.linalg.matrix_exp(_cross(self.turn(values)))


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(width, width),
            nn.LeakyReLU(SLOPE),
            nn.Linear(width, width),
            nn.LeakyReLU(SLOPE),
        )

    def forward(self, values: Tensor) -> Tensor:
        out: Tensor = values + self.layers(values)
        return out


def fit(
    points: Tensor,
    confidence: Tensor,
    *,
    steps: int = STEPS,
    seed: int,
    on_step: Callable[[int, float], None] | None = None,
) -> Lifter:
    """Train a lifter on frames of several views.

    Args:
        points: Joints, `(n, C, J, 2)`, C >= 2; finite also where not seen.
        confidence: From 0 (not seen) to 1, `(n, C, J)`.
        steps: Training length.
        seed: Decides weights and batches.
        on_step: Called with the number of the step and the loss.

    Raises:
        InputError: There is a single view.
    """
    if points.shape[1] < 2:
        raise InputError("views", "one camera", mend="give two or more of the same moments")
    seen, _, _ = normalised(points, confidence)
    lifter = Lifter(points.shape[2], seed=seed)
    adam = torch.optim.Adam(lifter.parameters(), lr=RATE, weight_decay=DECAY)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    drawn = batches(len(points), min(BATCH, len(points)), generator(seed, "lifter"))
    for step in range(steps):
        rows = next(drawn)
        loss = consistency(lifter, seen[rows], confidence[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
        fall.step()
        if on_step is not None:
            on_step(step, float(loss.detach()))
    return lifter


def consistency(lifter: Lifter, points: Tensor, confidence: Tensor) -> Tensor:
    """The loss above, of normalised joints `(n, C, J, 2)`; differentiable in the weights."""
    views = points.shape[1]
    pose, turn = lifter(points.flatten(0, 1), confidence.flatten(0, 1))
    pose, turn = (part.unflatten(0, (-1, views)) for part in (pose, turn))
    flat = pose[:, :, None] @ turn[:, None, :, :, :2]
    weights = confidence[:, None].expand(flat.shape[:-1])
    projected, _, _ = normalised(flat, weights)
    error = (weights[..., None] * (projected - points[:, None])).abs().mean((-1, -2))
    own = error.diagonal(dim1=1, dim2=2).mean()
    loss = own + error.mean()
    if points.shape[2] == MIRROR_JOINTS:
        loss = loss + MIRROR_WEIGHT * torch.relu(-_facing(pose)).mean()
    return loss


def normalised(points: Tensor, confidence: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Points `(..., J, 2)` about their weighted mean over their root mean square; mean and size."""
    weight = confidence[..., None]
    total = weight.sum(-2, keepdim=True).clamp_min(_SMALL)
    mean = (weight * points).sum(-2, keepdim=True) / total
    square = (weight * (points - mean).square()).sum((-2, -1), keepdim=True)
    size = (square / (2 * total) + _SMALL).sqrt()
    return (points - mean) / size, mean, size


@torch.no_grad()
def lift(lifter: Lifter, points: Tensor, confidence: Tensor) -> Tensor:
    """Monocular poses `(n, C, J, 3)`, z into the scene, in the unit of the points `(n, C, J, 2)`.

    Joints that were seen stay where they were seen; of the others the lifter says where they are.
    """
    views = points.shape[1]
    seen, mean, size = normalised(points, confidence)
    pose, turn = lifter(seen.flatten(0, 1), confidence.flatten(0, 1))
    turned = (pose @ turn).unflatten(0, (-1, views))
    flat, _, width = normalised(turned[..., :2], confidence)
    depth = turned[..., 2:]
    depth = (depth - depth.mean(-2, keepdim=True)) / width
    image = torch.where(confidence[..., None] > 0, points, flat * size + mean)
    out = torch.cat([image, depth * size], -1)
    if points.shape[2] != MIRROR_JOINTS:
        return out
    mirrored = (_facing(out).sum(1) < 0)[:, None, None]
    return torch.cat([out[..., :2], torch.where(mirrored, -1.0, 1.0)[..., None] * out[..., 2:]], -1)


def _facing(poses: Tensor) -> Tensor:
    """How far the knees bend forward, in the unit of the poses; negative in a mirror image."""
    left, right = (poses[..., list(_LEGS[side]), :] for side in ("left", "right"))
    across = left[..., 0, :] - right[..., 0, :]
    up = poses[..., _THORAX, :] - poses[..., _PELVIS, :]
    bend = sum(leg[..., 1, :] - (leg[..., 0, :] + leg[..., 2, :]) / 2 for leg in (left, right))
    ahead = torch.nn.functional.normalize(torch.linalg.cross(across, up), dim=-1)
    return (ahead * bend).sum(-1)


def _cross(vectors: Tensor) -> Tensor:
    """The matrices `(n, 3, 3)` of the cross product with vectors `(n, 3)`."""
    x, y, z = vectors.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))

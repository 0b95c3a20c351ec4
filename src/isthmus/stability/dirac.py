"""The Dirac-GAN: GAN training with two parameters, whose stability can be read from eigenvalues.

Mescheder, Geiger and Nowozin, "Which training methods for GANs do actually converge?", ICML 2018.
The data are a point mass at 0, the generator one at theta, the discriminator is D(x) = psi x. A
training method is a vector field on states `(theta, psi)`, of shape `(..., 2)`, float64, that is
differentiable by autograd and vanishes at the origin, the wanted equilibrium. Standard GAN:

    min over theta, max over psi of   f(psi theta) + f(0),     f(t) = -log(1 + e^-t).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from torch import Tensor
from torch.func import grad, jacrev

from isthmus.errors import InputError

Field = Callable[[Tensor], Tensor]
"""From states to velocities, both `(..., 2)`."""
Step = Callable[[Tensor], Tensor]
"""From states to the states after one training step, both `(..., 2)`."""
Noise = Callable[[], tuple[Tensor, Tensor]]
"""Nodes and weights, `(n,)` each, that stand for a standard normal; weights sum to 1."""


@dataclass(frozen=True)
class Game:
    """A training method.

    Attributes:
        field: The vector field that training follows.
        clip: After each step psi is clipped to [-clip, clip].
        smooth: Whether the field is differentiable at the origin.
    """

    field: Field
    clip: float = math.inf
    smooth: bool = True


def slope(t: Tensor) -> Tensor:
    """f'(t) = 1 / (1 + e^t): f'(0) = 1/2, f''(0) = -1/4."""
    return torch.sigmoid(-t)


def standard(state: Tensor) -> Tensor:
    """Standard GAN (section 2): theta' = -psi f'(psi theta), psi' = theta f'(psi theta)."""
    theta, psi = state.unbind(-1)
    push = slope(theta * psi)
    return torch.stack([-psi * push, theta * push], -1)


def non_saturating(state: Tensor) -> Tensor:
    """Non-saturating GAN: theta' = -psi f'(-psi theta), psi' = theta f'(psi theta)."""
    theta, psi = state.unbind(-1)
    return torch.stack([-psi * slope(-theta * psi), theta * slope(theta * psi)], -1)


def wasserstein(state: Tensor) -> Tensor:
    """WGAN, f(t) = t: theta' = -psi, psi' = theta."""
    theta, psi = state.unbind(-1)
    return torch.stack([-psi, theta], -1)


def wasserstein_gp(weight: float, target: float) -> Field:
    """WGAN-GP: the WGAN with the penalty weight/2 (|psi| - target)^2 on the discriminator.

    psi' = theta - weight sign(psi) (|psi| - target), which jumps at psi = 0.
    """

    def field(state: Tensor) -> Tensor:
        psi = state[..., 1]
        return _add_to_psi(wasserstein(state), -weight * psi.sign() * (psi.abs() - target))

    return field


def gradient_penalty(field: Field, weight: float) -> Field:
    """Zero-centred gradient penalty weight/2 |D'|^2 (R1 and R2 alike): adds -weight psi to psi'."""
    return lambda state: _add_to_psi(field(state), -weight * state[..., 1])


def consensus(field: Field, weight: float) -> Field:
    """Consensus optimisation (Mescheder et al., NeurIPS 2017): v - weight grad(|v|^2 / 2)."""
    energy = grad(lambda state: field(state).square().sum() / 2)
    return lambda state: field(state) - weight * energy(state)


def instance_noise(std: float, noise: Noise) -> Field:
    """Standard GAN whose data and samples carry normal noise of deviation `std` (section 2.4).

    theta' = -psi E f'(psi y), psi' = E y f'(psi y) - E x f'(-psi x), with y = theta + std e,
    x = std e and e standard normal. The expectations are sums over `noise`, asked once for y and
    once for x at every evaluation.

    Args:
        std: Deviation of the noise, at least 0, in units of x.
        noise: `hermite(n)` for the expectation, `draws(n, seed)` for what training sees.
    """

    def field(state: Tensor) -> Tensor:
        theta, psi = state[..., :1], state[..., 1:]
        (nodes, weights), (real_nodes, real_weights) = noise(), noise()
        fake, real = theta + std * nodes, std * real_nodes
        push = weights * slope(psi * fake)
        pull = real_weights * slope(-psi * real)
        return torch.stack(
            [-(psi * push).sum(-1), (fake * push).sum(-1) - (real * pull).sum(-1)], -1
        )

    return field


def hermite(count: int) -> Noise:
    """Gauss-Hermite nodes: exact for polynomials of degree below 2 `count`."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(count)
    fixed = torch.from_numpy(nodes), torch.from_numpy(weights / weights.sum())
    return lambda: fixed


def draws(count: int, seed: int) -> Noise:
    """`count` fresh draws at every call, equally weighted."""
    generator = torch.Generator().manual_seed(seed)
    weights = torch.full((count,), 1 / count, dtype=torch.float64)
    return lambda: (torch.randn(count, generator=generator, dtype=torch.float64), weights)


def _add_to_psi(velocity: Tensor, extra: Tensor) -> Tensor:
    return torch.stack([velocity[..., 0], velocity[..., 1] + extra], -1)


def simultaneous(game: Game, rate: float) -> Step:
    """Both players move along the field of the same state: z + rate v(z), then psi is clipped."""

    def step(state: Tensor) -> Tensor:
        theta, psi = (state + rate * game.field(state)).unbind(-1)
        return torch.stack([theta, psi.clamp(-game.clip, game.clip)], -1)

    return step


def alternating(game: Game, rate: float, *, discriminator_steps: int = 1) -> Step:
    """The generator moves once, then the discriminator `discriminator_steps` times."""

    def step(state: Tensor) -> Tensor:
        theta, psi = state.unbind(-1)
        theta = theta + rate * game.field(state)[..., 0]
        for _ in range(discriminator_steps):
            psi = psi + rate * game.field(torch.stack([theta, psi], -1))[..., 1]
            psi = psi.clamp(-game.clip, game.clip)
        return torch.stack([theta, psi], -1)

    return step


def trajectory(step: Step, start: Tensor, steps: int) -> Tensor:
    """The states of a training, start included: `(steps + 1, ..., 2)`, detached."""
    states = [start]
    with torch.no_grad():
        for _ in range(steps):
            states.append(step(states[-1]))
    return torch.stack(states)


def eigenvalues(flow: Field | Step) -> NDArray[np.complex128]:
    """Eigenvalues, `(2,)` by real then imaginary part, of the Jacobian of `flow` at the origin.

    Of a field: real parts below 0 mean that gradient flow converges locally, at a linear rate. Of
    a step: moduli below 1 mean that the steps do, and the largest modulus is the rate.
    """
    return np.sort(np.linalg.eigvals(_jacobian(flow)).astype(complex))


def critical(family: Callable[[float], Field], low: float, high: float) -> float:
    """The parameter at which the eigenvalues of a family of fields turn from complex to real.

    It is the root of the discriminant (trace^2 - 4 determinant) of the Jacobian at the origin,
    found by Brent's method to 1e-12.

    Raises:
        InputError: The discriminant has the same sign at `low` and at `high`.
    """

    def discriminant(parameter: float) -> float:
        (a, b), (c, d) = _jacobian(family(parameter))
        return float((a - d) ** 2 + 4 * b * c)

    if discriminant(low) * discriminant(high) > 0:
        raise InputError(
            "critical",
            f"the eigenvalues do not turn real between {low} and {high}",
            field="low, high",
            mend="widen the interval",
        )
    return float(brentq(discriminant, low, high, xtol=1e-12))


def _jacobian(flow: Field | Step) -> NDArray[np.float64]:
    jacobian: NDArray[np.float64] = jacrev(flow)(torch.zeros(2, dtype=torch.float64)).numpy()
    return jacobian

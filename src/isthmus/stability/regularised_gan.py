"""The regularised Jensen-Shannon GAN (Roth et al. 2017, arXiv 1705.09367) on seven normals."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from isthmus.densities.seeds import Seeds
from isthmus.errors import InputError

MODES = 7
"""Normals on the unit circle."""

MODE_DEVIATION = 0.01
"""Standard deviation of each normal, in radii of the circle."""

LATENTS = 2
"""Width of the generator's standard normal input."""

NEAR = 3.0
"""A sample this many deviations from the nearest centre is a good one."""


def omega(
    phi_real: Tensor, gradient_real: Tensor, phi_fake: Tensor, gradient_fake: Tensor
) -> Tensor:
    """The Jensen-Shannon regulariser of Roth et al. 2017, with D = sigmoid(phi).

        Omega = mean_real (1 - D)^2 |grad phi|^2 + mean_fake D^2 |grad phi|^2

    It is the mean squared slope of ln D on real and of ln (1 - D) on fake samples, never negative,
    and zero for a constant discriminator. Differentiable in all arguments; to train a
    discriminator, take the gradients with `create_graph=True`.

    Args:
        phi_real: Logits of the real samples, of shape `(*members, n)`.
        gradient_real: Gradients of these logits in their samples, of shape `(*members, n, d)`.
        phi_fake: Logits of the fake samples, of shape `(*members, m)`.
        gradient_fake: Gradients of these logits in their samples, of shape `(*members, m, d)`.

    Returns:
        Omega, of shape `members`, per squared unit of the samples.
    """
    real = squared_slope(phi_real, gradient_real).mean(-1)
    return real + squared_slope(-phi_fake, gradient_fake).mean(-1)


def squared_slope(phi: Tensor, gradient: Tensor) -> Tensor:
    """|grad ln sigmoid(phi)|^2 = (1 - sigmoid(phi))^2 |grad phi|^2, of the shape of phi."""
    return torch.sigmoid(-phi).square() * gradient.square().sum(-1)


def regularised_objective(
    discriminator: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor, weight: Tensor | float
) -> Tensor:
    """What the discriminator of Roth et al. 2017 maximises.

        F = mean_real ln D + mean_fake ln (1 - D) - (weight / 2) Omega

    Differentiable in the discriminator's parameters; the samples count as data.

    Args:
        discriminator: Maps samples `(*members, n, d)` to logits `(*members, n)`, each sample alone.
        real: Real samples, of shape `(*members, n, d)`.
        fake: Samples of the generator, of shape `(*members, m, d)`.
        weight: Variance of the noise it stands for, at least 0; a number or of shape `members`.

    Returns:
        F in nats, of shape `members`.
    """
    x = torch.cat([real, fake], -2).detach().requires_grad_()
    phi = discriminator(x)
    (gradient,) = torch.autograd.grad(phi.sum(), x, create_graph=True)
    sizes = [real.shape[-2], fake.shape[-2]]
    phi_real, phi_fake = phi.split(sizes, -1)
    gradient_real, gradient_fake = gradient.split(sizes, -2)
    plain = logsigmoid(phi_real).mean(-1) + logsigmoid(-phi_fake).mean(-1)
    return plain - weight / 2 * omega(phi_real, gradient_real, phi_fake, gradient_fake)


def annealed(weight: float, decay: float, steps: int) -> Tensor:
    """The weight of each step, weight decay^(t / (steps - 1)), of shape `(steps,)`."""
    return weight * decay ** torch.linspace(0, 1, steps)


@cache
def centres() -> Tensor:
    """Centres `(7, 3)` of the normals: the unit circle turned by 45 degrees out of its plane."""
    angle = torch.arange(MODES) * (2 * math.pi / MODES)
    circle = torch.stack([angle.sin(), angle.cos(), torch.zeros(MODES)], -1)
    return circle @ _turn() + 1 / math.sqrt(3)


def seven_normals(count: int, generator: torch.Generator) -> Tensor:
    """Samples `(count, 3)` of the mixture: they lie in a plane, so its law has no density in space."""
    mode = torch.randint(MODES, (count,), generator=generator)
    flat = torch.randn(count, 2, generator=generator)
    return centres()[mode] + MODE_DEVIATION * flat @ _turn()[:2]


def in_plane(x: Tensor) -> Tensor:
    """Coordinates `(..., 2)` in the plane of the circle, from its middle, of samples `(..., 3)`."""
    return ((x - 1 / math.sqrt(3)) @ _turn().mT)[..., :2]


@cache
def _turn() -> Tensor:
    """Rotation by 45 degrees about (1, -1, 0), for row vectors."""
    skew = torch.tensor([[0.0, 0.0, -1.0], [0.0, 0.0, -1.0], [1.0, 1.0, 0.0]]) / math.sqrt(2)
    return torch.linalg.matrix_exp(math.pi / 4 * skew)


@dataclass(frozen=True)
class Coverage:
    """How samples lie to the seven centres.

    Attributes:
        modes: Centres that are the nearest one of a good sample, 0 to 7, of shape `members`.
        good: Share of samples within three deviations of a centre, of shape `members`.
        distance: Mean distance to the nearest centre, in radii, of shape `members`.
    """

    modes: Tensor
    good: Tensor
    distance: Tensor


def coverage(samples: Tensor) -> Coverage:
    """Count the modes that samples `(*members, n, 3)` cover, as Srivastava et al. 2017 (VEEGAN)."""
    exact = "donot_use_mm_for_euclid_dist"
    distance, nearest = torch.cdist(samples, centres(), compute_mode=exact).min(-1)
    good = distance <= NEAR * MODE_DEVIATION
    covered = nn.functional.one_hot(nearest, MODES).bool() & good[..., None]
    return Coverage(
        modes=covered.any(-2).sum(-1),
        good=good.float().mean(-1),
        distance=distance.mean(-1),
    )


class Networks(nn.Module):
    """Independent networks of two hidden tanh layers, one a member.

    Args:
        widths: Numbers of inputs, hidden units and outputs.
        generators: One a member; equal states give equal networks.
    """

    def __init__(self, widths: tuple[int, int, int], generators: Sequence[torch.Generator]) -> None:
        super().__init__()
        first, hidden, last = widths
        shapes = [(first, hidden), (hidden, hidden), (hidden, last)]
        self.weights = nn.ParameterList(
            torch.stack([_truncated_normal(shape, g) for g in generators]) for shape in shapes
        )
        self.biases = nn.ParameterList(
            torch.zeros(len(generators), 1, outputs) for _, outputs in shapes
        )

    def forward(self, x: Tensor) -> Tensor:
        """Outputs `(members, n, outputs)` of inputs `(members, n, inputs)`."""
        last = len(self.weights) - 1
        for layer, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            x = x if layer == last else x.tanh()
        return x


def _truncated_normal(shape: tuple[int, int], generator: torch.Generator) -> Tensor:
    return nn.init.trunc_normal_(torch.empty(shape), std=0.1, a=-0.2, b=0.2, generator=generator)


def train(
    schedules: Mapping[str, Tensor],
    *,
    batch: int,
    hidden: int,
    learning_rate: float,
    samples: int,
    seeds: Sequence[int],
) -> dict[str, Tensor]:
    """Train GANs on the seven normals, for each seed one a schedule, all at once.

    Minimax steps in turn: the discriminator climbs F, the generator descends mean_fake ln (1 - D);
    Adam with betas 0.5 and 0.999. The GANs of one seed differ in nothing but the schedule: they
    begin alike and see the same real samples and the same noise. No member sees another.

    Args:
        schedules: By name the weight of the regulariser at each step, of shape `(steps,)`.
        batch: Real samples, and fake ones, of a step.
        hidden: Units of each of the two hidden layers.
        learning_rate: Adam's step size.
        samples: How many samples to draw of each generator in the end.
        seeds: The seeds.

    Returns:
        By name, samples `(seeds, samples, 3)` of the trained generators.

    Raises:
        InputError: The schedules differ in length.
    """
    lengths = {len(schedule) for schedule in schedules.values()}
    if len(lengths) != 1:
        raise InputError(
            "schedules",
            f"have {sorted(lengths)} steps",
            mend="give each schedule one weight a step, and as many steps as the others",
        )
    ensemble, copies = Seeds.of(seeds), len(schedules)
    weights = torch.stack(list(schedules.values())).repeat_interleave(len(seeds), 0)
    networks = [
        Networks(widths, [g for _ in schedules for g in ensemble.generators(purpose)])
        for purpose, widths in (
            ("generator", (LATENTS, hidden, 3)),
            ("discriminator", (3, hidden, 1)),
        )
    ]
    generator, discriminator = networks
    optimisers = [
        torch.optim.Adam(n.parameters(), lr=learning_rate, betas=(0.5, 0.999), fused=True)
        for n in networks
    ]
    streams = ensemble.generators("samples")

    def draw(law: Callable[[torch.Generator], Tensor]) -> Tensor:
        return torch.stack([law(stream) for stream in streams]).repeat(copies, 1, 1)

    def logit(x: Tensor) -> Tensor:
        return discriminator(x).squeeze(-1)

    for weight in weights.unbind(1):
        real = draw(lambda stream: seven_normals(batch, stream))
        fake = generator(draw(lambda stream: torch.randn(batch, LATENTS, generator=stream)))
        climbed = -regularised_objective(logit, real, fake, weight).sum()
        _step(optimisers[1], climbed, discriminator)
        _step(optimisers[0], logsigmoid(-logit(fake)).mean(-1).sum(), generator)
    with torch.no_grad():
        drawn = generator(draw(lambda stream: torch.randn(samples, LATENTS, generator=stream)))
    return dict(zip(schedules, drawn.split(len(seeds)), strict=True))


def _step(optimiser: torch.optim.Optimizer, loss: Tensor, network: nn.Module) -> None:
    parameters = list(network.parameters())
    gradients = torch.autograd.grad(loss, parameters)
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    optimiser.step()


@dataclass(frozen=True)
class Normal:
    """A normal law on the line."""

    mean: float
    deviation: float

    def log_density(self, x: Tensor) -> Tensor:
        """Its log-density in nats at x."""
        scaled = (x - self.mean) / self.deviation
        return -scaled.square() / 2 - math.log(self.deviation * math.sqrt(2 * math.pi))

    def blurred(self, noise: float) -> Normal:
        """The law of its samples plus independent normal noise."""
        return Normal(self.mean, math.hypot(self.deviation, noise))


def penalty_against_noise(
    real: Normal, fake: Normal, noise: Tensor, *, confidence: float = 1.0
) -> Tensor:
    """|F with noised samples - F penalised by the noise's variance|, by quadrature.

    Both are values of one discriminator, phi = confidence ln(P / Q). At the best one for the plain
    laws, confidence 1, the Laplacians of phi cancel in the mean and the two agree to the fourth
    power of the noise; at any other, only to the second (Roth et al. 2017).

    Args:
        real: The law P.
        fake: The law Q.
        noise: Standard deviations of the noise, of shape `(n,)`, above 0.
        confidence: Factor of the best logit.

    Returns:
        The differences in nats, float64, of shape `(n,)`.
    """
    reach = 12 * max(real.deviation, fake.deviation) + max(abs(real.mean), abs(fake.mean))
    x = torch.linspace(-reach, reach, 20001, dtype=torch.float64).requires_grad_()
    phi = confidence * (real.log_density(x) - fake.log_density(x))
    (gradient,) = torch.autograd.grad(phi.sum(), x)
    x, phi, gradient = x.detach(), phi.detach(), gradient[:, None]

    def mean(law: Normal, values: Tensor) -> Tensor:
        return torch.trapezoid(law.log_density(x).exp() * values, x)

    def plain(p: Normal, q: Normal) -> Tensor:
        return mean(p, logsigmoid(phi)) + mean(q, logsigmoid(-phi))

    penalty = mean(real, squared_slope(phi, gradient)) + mean(fake, squared_slope(-phi, gradient))
    gaps = [
        plain(real.blurred(s), fake.blurred(s)) - (plain(real, fake) - s**2 / 2 * penalty)
        for s in noise.tolist()
    ]
    return torch.stack(gaps).abs()


def order(noise: Tensor, difference: Tensor) -> float:
    """The power of the noise that the difference grows by: the slope through their logarithms."""
    x, y = noise.double().log(), difference.log()
    x = x - x.mean()
    return float((x * y).sum() / x.square().sum())

"""What the theory of LRMF states, measured: lemmas 2.1 and 2.2, theorem 2.3, three special cases.

Every figure compares two quantities that were found on separate ways: by fits of the package's
densities, by descent on the LRMF or the GAN objective, or by exact sums over a discrete law. All in
float64 and nats, on small synthetic samples.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor, nn

from isthmus.alignment.likelihood_ratio import (
    bayes_classifier,
    gan_value,
    jensen_shannon,
    lr_distance,
)
from isthmus.alignment.lrmf import LRMF, lr_constant, lrmf_loss
from isthmus.densities import Affine, Gaussian, GaussianMixture, RealNVP
from isthmus.densities.descent import descend, minibatches
from isthmus.densities.gaussian import cholesky, moments
from isthmus.densities.seeds import Seeds
from isthmus.networks.mlp import mlp
from isthmus.networks.randomness import seeded
from isthmus.seeding import derive

FLOW_SCALE = 0.3
"""Standard deviation of what is added to each weight of a RealNVP to make it a random flow."""

DIRICHLET = 0.5
"""Concentration of random discrete laws: their probabilities differ by orders of magnitude."""


@dataclass(frozen=True)
class Curve:
    """A measured curve next to the theory's, both of shape `(points,)` over `x`."""

    x: Tensor
    measured: Tensor
    theory: Tensor


class LogLinear(nn.Module):
    """The laws P(k) proportional to exp(theta . f_k) on K atoms; all of them where f is the identity.

    Its points are atoms, given as numbers 0, ..., K - 1 in shape `(N, 1)`, so that a sample of N
    points is exactly the law of its frequencies.

    Args:
        features: f, of shape `(K, F)`.
    """

    features: Tensor

    def __init__(self, features: Tensor) -> None:
        super().__init__()
        self.register_buffer("features", features)
        self.theta = nn.Parameter(features.new_zeros(features.shape[1]))

    def forward(self) -> LogLinearLaw:
        """The law with the present parameters."""
        return LogLinearLaw((self.features @ self.theta).log_softmax(0))

    def fit(self, x: Tensor) -> Self:
        """Maximum likelihood by L-BFGS on a concave function; from the present parameters."""
        minimise(lambda: -self().log_prob(x).mean(), self.parameters())
        return self


class LogLinearLaw:
    """A law on K atoms.

    Args:
        log_probabilities: Of shape `(K,)`.
    """

    def __init__(self, log_probabilities: Tensor) -> None:
        self.log_probabilities = log_probabilities

    def log_prob(self, x: Tensor) -> Tensor:
        """Log probabilities in nats of atoms `(N, 1)`, of shape `(N,)`."""
        return self.log_probabilities[x.squeeze(-1).long()]

    @torch.no_grad()
    def sample(self, shape: Sequence[int] = ()) -> Tensor:
        """Atoms of shape `(*shape, 1)`."""
        drawn = torch.multinomial(self.log_probabilities.exp(), math.prod(shape), replacement=True)
        return drawn.to(self.log_probabilities).view(*shape, 1)


def minimise(loss: Callable[[], Tensor], parameters: Iterable[nn.Parameter]) -> list[float]:
    """Minimise a smooth function of few parameters by L-BFGS, in place, to working precision.

    Returns:
        Every value the function took on the way, trial points of the line searches among them.
    """
    optimiser = torch.optim.LBFGS(
        list(parameters),
        max_iter=500,
        max_eval=1000,
        history_size=20,
        tolerance_grad=1e-11,
        tolerance_change=0,
        line_search_fn="strong_wolfe",
    )
    taken: list[float] = []

    def closure() -> Tensor:
        optimiser.zero_grad()
        value = loss()
        value.backward()
        taken.append(value.item())
        return value

    optimiser.step(closure)
    return taken


def random_pairs(
    count: int, samples: int, atoms: int, seed: int
) -> tuple[list[float], list[float]]:
    """Lemma 2.1: LR-distances of random pairs, and of each first sample to itself.

    Half of the pairs are three-dimensional two-component samples, to which Gaussians are fitted;
    half are discrete laws, within a log-linear family of two random features. No family contains
    the laws.

    Returns:
        d(A, B) and d(A, A) in nats, for every pair.
    """
    generator = _generator(seed)
    a, b = (_lumps(count, samples, 3, generator) for _ in "ab")
    family = Gaussian(3, batch_shape=(count,)).double()
    between, same = lr_distance(a, b, family).tolist(), lr_distance(a, a, family).tolist()
    for _ in range(count):
        restricted = LogLinear(_normal(generator, atoms, 2))
        x, y = (_atoms(_frequencies(atoms, samples, generator)) for _ in "ab")
        between.append(lr_distance(x, y, restricted).item())
        same.append(lr_distance(x, x, restricted).item())
    return between, same


def affine_lemma(count: int, samples: int, seed: int) -> list[float]:
    """Lemma 2.2 where the family is closed under the flow: Gaussians, random affine T.

    Returns:
        |max log P(T(A)) - max log P(A) + mean log |det dT|| in nats, each maximum a fit of its own.
    """
    generator = _generator(seed)
    a = _lumps(count, samples, 3, generator)
    moved, ladj = _random_affine(generator, count)().call_and_ladj(a)
    best = [_best(Gaussian(3, batch_shape=(count,)).double(), x) for x in (a, moved)]
    return (best[1] - best[0] + ladj.mean(-1)).abs().tolist()


@dataclass(frozen=True)
class Bound:
    """Theorem 2.3 for one random flow, in nats.

    Attributes:
        slack: Least L + E_bias - d(T(A), B) over all shared densities tried.
        gap: L + E_bias - d(T(A), B) at the best shared density, which the theorem says is 0.
        bias: E_bias, the best likelihood of A in the family pulled back through T minus its best
            in the family.
    """

    slack: float
    gap: float
    bias: float


def theorem_bound(count: int, samples: int, seed: int) -> list[Bound]:
    """Theorem 2.3 with its bias: Gaussians, under which random RealNVP flows are not closed.

    d(T(A), B) comes from closed-form fits to T(A) and B. L descends over S from N(0, I), each of its
    values on the way being one S tried. E_bias takes the pulled-back density from a descent of its
    own on the samples of A.
    """
    generator = _generator(seed)
    bounds = []
    for index in range(count):
        flow = RealNVP(2, couplings=4, hidden=(8,), seeds=derive(seed, "flow", index)).double()
        with torch.no_grad():
            flow.weights.add_(FLOW_SCALE * _normal(generator, *flow.weights.shape))
        a, b = (_lumps(1, samples, 2, generator)[0] for _ in "ab")
        bounds.append(_bound(flow.requires_grad_(False), a, b))
    return bounds


def _bound(flow: nn.Module, a: Tensor, b: Tensor) -> Bound:
    family = Gaussian(2).double()
    moved, ladj = flow().call_and_ladj(a)
    pulled_back = copy.deepcopy(family)
    nll = minimise(lambda: -(pulled_back().log_prob(moved) + ladj).mean(), pulled_back.parameters())
    bias = -nll[-1] - _best(family, a).item()
    distance = lr_distance(moved, b, family).item()
    losses = _descend_shared(flow, family, a, b, _best(family, a) + _best(family, b))
    slack = [loss + bias - distance for loss in losses]
    return Bound(min(slack), slack[-1], bias)


def aligned_losses(count: int, samples: int, seed: int) -> tuple[list[float], list[float]]:
    """Theorem 2.3 at alignment: B is the image of the sample A under a random affine flow.

    Returns:
        |L| in nats after a descent over the shared Gaussian with T the true map, and |L| of the
        package's aligner, which starts at T = identity and is not told the map.
    """
    generator, family = _generator(seed), Gaussian(3).double()
    known, found = [], []
    for _ in range(count):
        a = _lumps(1, samples, 3, generator)[0]
        flow = _random_affine(generator)
        b = flow()(a)
        losses = _descend_shared(flow, family, a, b, _best(family, a) + _best(family, b))
        known.append(abs(losses[-1]))
        found.append(abs(LRMF(family, Affine(3)).fit(a, b, held_out=(a, b)).result_.value))
    return known, found


def gaussian_shift(shifts: Sequence[float], samples: int, seed: int) -> Curve:
    """Special case 1: LR-distance of two unit normal samples within the Gaussians, over their shift.

    The samples are standardised, so that their moments are those of the law; the distance is the
    difference of the mean log-likelihoods under three fitted Gaussians.

    Returns:
        Measured distances in nats against log(1 + delta^2 / 4).
    """
    generator = _generator(seed)
    delta = torch.tensor(shifts, dtype=torch.float64)
    a, b = (_standardised(_normal(generator, len(shifts), samples, 1)) for _ in "ab")
    family = Gaussian(1, batch_shape=(len(shifts),)).double()
    return Curve(delta, lr_distance(a, b + delta.view(-1, 1, 1), family), (delta**2 / 4).log1p())


def large_capacity(
    gaps: Sequence[float], samples: int, components: int, steps: int, seed: int
) -> Curve:
    """Special case 2: the least LRMF loss with T held at the identity, over the gap of two clouds.

    The clouds are two-dimensional unit normal samples. The package's aligner fits the private
    mixtures by EM and the shared one by EM and Adam on L, then evaluates L on fresh samples. Those
    and the true laws give the divergence by Monte Carlo, so that both share the sampling error.

    Returns:
        L in nats against 2 JSD(A, B).
    """
    count, generator = len(gaps), _generator(seed)
    gap = torch.tensor(gaps, dtype=torch.float64)
    centre = torch.stack([gap / 2, torch.zeros_like(gap)], -1)
    a, b, fresh_a, fresh_b = (
        _normal(generator, count, samples, 2) + sign * centre.unsqueeze(-2)
        for sign in (-1, 1, -1, 1)
    )
    seeds = [derive(seed, "gap", index) for index in range(count)]
    family = GaussianMixture(2, components, batch_shape=(count,), seeds=seeds).double()
    still = Affine(2, batch_shape=(count,)).double().requires_grad_(False)
    aligner = LRMF(family, still, steps=steps, seeds=seeds)
    aligner.fit(a, b, held_out=(fresh_a, fresh_b))
    loss = torch.tensor([each.value for each in aligner.result_.certificates], dtype=torch.float64)
    covariance = torch.eye(2, dtype=torch.float64).expand(count, 2, 2)
    with torch.no_grad():
        law_a, law_b = (
            Gaussian(2, batch_shape=(count,)).double().set_moments(sign * centre, covariance)()
            for sign in (-1, 1)
        )
        divergence = jensen_shannon(law_a, law_b, fresh_a, fresh_b)
    return Curve(gap, loss, 2 * divergence)


def jensen_shannon_identity(count: int, samples: int, atoms: int, seed: int) -> list[float]:
    """Special case 2 for any family M: d = 2 JSD(A, B) - KL(A, M) - KL(B, M) + 2 KL((A+B)/2, M).

    On random discrete laws and a log-linear family of three random features, KL(P, M) being the
    divergence from P to the member nearest to it. The left side is `lr_distance` on samples with
    these frequencies; the right side sums over the atoms, its nearest members found by Newton's
    method as those with the same mean features as P.

    Returns:
        The magnitude of left minus right, in nats.
    """
    generator = _generator(seed)
    residuals = []
    for _ in range(count):
        features = _normal(generator, atoms, 3)
        n_a, n_b = (_frequencies(atoms, samples, generator) for _ in "ab")
        distance = lr_distance(_atoms(n_a), _atoms(n_b), LogLinear(features))
        p, q = n_a / samples, n_b / samples
        mixture = (p + q) / 2
        twice_jsd = _kl(p, mixture) + _kl(q, mixture)
        from_a, from_b, from_mixture = (
            _kl(law, _nearest(law, features)) for law in (p, q, mixture)
        )
        residuals.append((distance - (twice_jsd - from_a - from_b + 2 * from_mixture)).abs().item())
    return residuals


def gan_game(count: int, samples: int, atoms: int, seed: int) -> tuple[list[float], list[float]]:
    """Special case 3: the same two samples by LRMF, and by a GAN discriminator P / (P + P').

    On random discrete laws, within the family of all laws on the atoms. L descends over the shared
    density with T the identity; the GAN value ascends over the pair of densities whose ratio is the
    discriminator. They share the samples and nothing else.

    Returns:
        The least L minus the largest GAN value, in nats, and the largest difference over the atoms
        between the trained discriminator and the Bayes classifier of the private densities.
    """
    generator = _generator(seed)
    gaps, residuals = [], []
    for _ in range(count):
        a, b = (_atoms(_frequencies(atoms, samples, generator)) for _ in "ab")
        gap, residual = _game(a, b, atoms)
        gaps.append(gap)
        residuals.append(residual)
    return gaps, residuals


def _game(a: Tensor, b: Tensor, atoms: int) -> tuple[float, float]:
    family = LogLinear(torch.eye(atoms, dtype=torch.float64))
    private_a, private_b = (copy.deepcopy(family).fit(x) for x in (a, b))
    with torch.no_grad():
        constant = lr_constant(private_a, private_b, a, b)
    still = Affine(1).double().requires_grad_(False)
    loss = _descend_shared(still, family, a, b, constant)[-1]
    top, other = (LogLinear(family.features) for _ in "ab")

    def logits(x: Tensor) -> Tensor:
        return top().log_prob(x) - other().log_prob(x)

    least = minimise(
        lambda: -gan_value(logits(a), logits(b)), [*top.parameters(), *other.parameters()]
    )
    every = torch.arange(atoms).unsqueeze(-1)
    with torch.no_grad():
        closed = bayes_classifier(private_a(), private_b(), every)
        residual = (logits(every).sigmoid() - closed).abs().max().item()
    return loss + least[-1], residual


def classifiers_on_a_line(samples: int, steps: int, seed: int) -> tuple[Curve, float]:
    """Special case 3 in continuous space: D* against a multilayer perceptron trained from samples.

    A and B are two-dimensional Gaussian samples of different covariance. D* needs no training: it
    is the Bayes classifier of the two fitted Gaussians. The perceptron maximises the GAN value.

    Returns:
        The perceptron's D against D* along the line through both means, x being the first feature,
        and the mean of |D - D*| over fresh samples of both laws.
    """
    generator = _generator(seed)
    a, fresh_a = _normal(generator, 2, samples, 2) - torch.tensor([1.0, 0.0])
    b, fresh_b = _normal(generator, 2, samples, 2) * torch.tensor([0.5, 1.0]) + torch.tensor(
        [1.0, 0.0]
    )
    with seeded(derive(seed, "weights")):
        network = mlp(2, 32, 32, 1).double()
    draws = [minibatches(x, 256, Seeds.of(seed), name) for x, name in ((a, "a"), (b, "b"))]
    descend(
        lambda: -gan_value(*(network(next(batches)).squeeze(-1) for batches in draws)),
        network.parameters(),
        members=torch.Size(),
        steps=steps,
        learning_rate=5e-3,
    )
    along = torch.linspace(-4, 4, 81, dtype=torch.float64)
    line = torch.stack([along, torch.zeros_like(along)], -1)
    with torch.no_grad():
        law_a, law_b = (Gaussian(2).double().fit(x)() for x in (a, b))
        points = torch.cat([line, fresh_a, fresh_b])
        trained = network(points).squeeze(-1).sigmoid()
        closed = bayes_classifier(law_a, law_b, points)
    difference = (trained - closed)[len(line) :].abs().mean().item()
    return Curve(along, trained[: len(line)], closed[: len(line)]), difference


def _descend_shared(
    flow: nn.Module, family: nn.Module, a: Tensor, b: Tensor, constant: Tensor
) -> list[float]:
    """Every value of L on the way of a descent over S alone, from `family`; the last is least."""
    shared = copy.deepcopy(family)
    return minimise(lambda: lrmf_loss(flow, shared, a, b, constant), shared.parameters())


def _best(family: Gaussian, x: Tensor) -> Tensor:
    """The largest mean log-likelihood of `x` in the family."""
    fitted = copy.deepcopy(family).fit(x)
    with torch.no_grad():
        return fitted().log_prob(x).mean(-1)


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _normal(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def _lumps(count: int, samples: int, width: int, generator: torch.Generator) -> Tensor:
    """An even number of samples, `(count, samples, width)`, each set two random Gaussians."""
    factors = _normal(generator, count, 2, width, width)
    centres = _normal(generator, count, 2, 1, width)
    halves = _normal(generator, count, 2, samples // 2, width) @ factors + 2 * centres
    return halves.flatten(1, 2)


def _random_affine(generator: torch.Generator, *members: int) -> Affine:
    """Affine flows of three features, one for each member of an ensemble."""
    flow = Affine(3, batch_shape=members).double()
    with torch.no_grad():
        flow.matrix.add_(FLOW_SCALE * _normal(generator, *members, 3, 3))
        flow.translation.add_(_normal(generator, *members, 3))
    return flow.requires_grad_(False)


def _standardised(x: Tensor) -> Tensor:
    """Samples of mean 0 and covariance I (over 1/N), by an affine map of `x (..., N, D)`."""
    mean, covariance = moments(x)
    centred = x - mean.unsqueeze(-2)
    return torch.linalg.solve_triangular(cholesky(covariance), centred.mT, upper=False).mT


def _frequencies(atoms: int, samples: int, generator: torch.Generator) -> Tensor:
    """How often each atom occurs, at least once, in `samples` draws from a random law."""
    gamma = torch._standard_gamma(
        torch.full((atoms,), DIRICHLET, dtype=torch.float64), generator=generator
    )
    drawn = torch.multinomial(gamma, samples - atoms, replacement=True, generator=generator)
    return 1 + drawn.bincount(minlength=atoms).double()


def _atoms(counts: Tensor) -> Tensor:
    """The sample `(N, 1)` with these counts of the atoms 0, 1, 2 and so on."""
    return torch.arange(len(counts)).repeat_interleave(counts.long()).double().unsqueeze(-1)


def _kl(p: Tensor, q: Tensor) -> Tensor:
    return (p * (p / q).log()).sum()


def _nearest(p: Tensor, features: Tensor) -> Tensor:
    """The member of a log-linear family that is nearest to `p`: the one of equal mean features."""
    theta = features.new_zeros(features.shape[1])
    for _ in range(50):
        q = (features @ theta).softmax(0)
        mean = q @ features
        covariance = features.mT @ (q.unsqueeze(-1) * features) - mean.outer(mean)
        theta = theta + torch.linalg.solve(covariance, (p @ features) - mean)
    return (features @ theta).softmax(0)

"""How often alignment helps over a grid of settings, every run of a method in one tensor program.

The study of Usman, Saenko, Kulis (arXiv 1707.04046, section 6): a classifier trained on a labelled
source is adapted to an unlabelled target by aligning the features before its softmax, as in ADDA
(Tzeng et al. 2017), and every method has a linear discriminator.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from isthmus.alignment.dual import dual_objective, linear_kernel, project
from isthmus.alignment.mmd import median_width, squared_mmd
from isthmus.attributes.digits import jitter
from isthmus.attributes.training import minimise_cross_entropy
from isthmus.errors import InputError
from isthmus.metrics.arrays import as_labels
from isthmus.networks.convolutional import down, features
from isthmus.networks.images import as_images
from isthmus.networks.randomness import batches, generator, seeded

LOGISTIC_REGULARISER = 0.02
"""Reference lambda of the logistic discriminator, for each point of a set and unit variance."""

GRADIENT_PENALTY = 10.0
"""Reference weight of the penalty on the critic's slope (Gulrajani et al. 2017)."""

CRITIC_STEPS = 5
"""Steps of the Wasserstein critic before each step of the features (Gulrajani et al. 2017)."""


class SourceNetwork(nn.Module):
    """`down`, one affine layer with ReLU that gives the features, and a linear classifier.

    Args:
        side: Side of the grey images in pixels.
        width: Channels of the first convolution, a multiple of 4.
        size: Number of features.
        classes: Number of classes.
        seed: Of the initial weights.
    """

    def __init__(self, side: int, *, width: int, size: int, classes: int = 10, seed: int) -> None:
        super().__init__()
        with seeded(seed):
            self.lower = down(side, width)
            self.head = nn.Linear(features(side, width), size)
            self.classifier = nn.Linear(size, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits `(n, classes)` of images `(n, 1, side, side)`."""
        return self.classifier(self.head(self.lower(images)).relu())


def train_source(
    images: Any,
    digits: npt.ArrayLike,
    *,
    width: int,
    size: int,
    steps: int,
    batch_size: int = 64,
    learning_rate: float = 0.002,
    seed: int,
) -> SourceNetwork:
    """A classifier of the source by cross-entropy, its images slightly moved at random (`jitter`).

    Args:
        images: Floats `(n, 1, side, side)` in [0, 1].
        digits: Their classes, integers `(n,)` from 0 to 9.
        width: Channels of the first convolution, a multiple of 4.
        size: Number of features.
        steps: Number of steps.
        batch_size: Images in a step.
        learning_rate: Step size at the start.
        seed: Of weights, batches and movements.

    Returns:
        The network, frozen.

    Raises:
        InputError: Images or digits cannot be used, or the training diverged.
    """
    x = as_images(images, "images_a")
    y = torch.from_numpy(as_labels(digits, "digits_a", count=len(x), classes=10))
    network = SourceNetwork(x.shape[-1], width=width, size=size, seed=seed)
    minimise_cross_entropy(
        network,
        x,
        y,
        steps=steps,
        batch_size=batch_size,
        learning_rate=learning_rate,
        seed=seed,
        augment=jitter,
    )
    return network.requires_grad_(False)


@dataclass(frozen=True)
class Grid:
    """The runs: every learning rate with every regulariser.

    Attributes:
        learning_rates: Adam's step sizes, L positive numbers.
        regularisers: Multiples of the method's reference regulariser, R positive numbers.

    Raises:
        InputError: There is none of one, or one is not positive.
    """

    learning_rates: Sequence[float]
    regularisers: Sequence[float]

    def __post_init__(self) -> None:
        for name in ("learning_rates", "regularisers"):
            values = getattr(self, name)
            if not values or not all(0 < value < float("inf") for value in values):
                raise InputError(name, f"is {list(values)}", mend="give positive numbers")

    @property
    def shape(self) -> tuple[int, int]:
        """L and R."""
        return len(self.learning_rates), len(self.regularisers)

    def rates(self) -> Tensor:
        """The learning rates, `(L, 1, 1)`, float64."""
        return torch.tensor(list(self.learning_rates), dtype=torch.float64).view(-1, 1, 1)

    def scaled(self, reference: float) -> Tensor:
        """The regularisers times a reference, `(R,)`."""
        return reference * torch.tensor(list(self.regularisers))


def logarithmic(low: float, high: float, count: int) -> list[float]:
    """Numbers from `low` to `high`, evenly spaced in their logarithm."""
    return [float(value) for value in np.geomspace(low, high, count)]


class Runs:
    """One set of tensors for each run of a grid, trained by Adam with the run's learning rate.

    Args:
        initial: What every run starts from.
        grid: The runs.
        betas: Adam's decay rates.
    """

    def __init__(self, *initial: Tensor, grid: Grid, betas: tuple[float, float]) -> None:
        rows = len(grid.regularisers)
        self._by_rate = [
            [nn.Parameter(x.expand(rows, *x.shape).clone()) for x in initial]
            for _ in grid.learning_rates
        ]
        groups = [
            {"params": parameters, "lr": rate}
            for parameters, rate in zip(self._by_rate, grid.learning_rates, strict=True)
        ]
        self._adam = torch.optim.Adam(groups, betas=betas, fused=True)

    def tensors(self) -> list[Tensor]:
        """The tensors, each of shape `(L, R, ...)`, differentiable."""
        return [torch.stack(one) for one in zip(*self._by_rate, strict=True)]

    def step(self, loss: Tensor) -> None:
        """Descend on the loss of each run, of shape `(L, R)`."""
        self._adam.zero_grad()
        loss.sum().backward()
        self._adam.step()


class _Critic:
    """A linear discriminator for each run: w.x + c."""

    def __init__(self, size: int, grid: Grid, betas: tuple[float, float], seed: int) -> None:
        weight = torch.rand(size, 1, generator=generator(seed, "critic"))
        self._runs = Runs((2 * weight - 1) / size**0.5, torch.zeros(1, 1), grid=grid, betas=betas)

    def scores(self, x: Tensor) -> Tensor:
        """Of points `(..., n, D)`, of shape `(L, R, n)`; differentiable in the points alone."""
        weight, bias = (one.detach() for one in self._runs.tensors())
        return (x @ weight + bias).squeeze(-1)

    def improve(
        self, a: Tensor, b: Tensor, loss: Callable[[Tensor, Tensor, Tensor], Tensor]
    ) -> None:
        """One step down a loss of the scores of A, the scores of B, and |w|."""
        weight, bias = self._runs.tensors()
        score_a, score_b = ((x @ weight + bias).squeeze(-1) for x in (a, b.detach()))
        norm = torch.linalg.vector_norm(weight, dim=(-2, -1))
        self._runs.step(loss(score_a, score_b, norm))


@dataclass(frozen=True)
class Start:
    """What a method may look at before the first step.

    Attributes:
        grid: The runs.
        a: Features of the source `(N_A, D)`.
        b: Features of the target before adaptation `(N_B, D)`.
        batch_size: Points of each domain in a step.
        seed: Of what is random in the method.
    """

    grid: Grid
    a: Tensor
    b: Tensor
    batch_size: int
    seed: int

    @property
    def logistic_regulariser(self) -> Tensor:
        """Lambda for each point of a set, `(R,)`, in squared units of the features."""
        variance = torch.cat([self.a, self.b]).var(0).sum()
        return self.grid.scaled(LOGISTIC_REGULARISER * float(variance))


class Adda:
    """Logistic min-max with flipped labels (Tzeng et al. 2017, equations 7 and 9).

    Discriminator: minimise mean_A log(1 + e^-s) + mean_B log(1 + e^s) + (lambda / 2) |w|^2;
    features: minimise mean_B log(1 + e^-s). One step each in turn.
    """

    betas: ClassVar[tuple[float, float]] = (0.5, 0.999)

    def __init__(self, start: Start) -> None:
        self._critic = _Critic(start.a.shape[-1], start.grid, self.betas, start.seed)
        self._regulariser = start.logistic_regulariser

    def __call__(self, a: Tensor, b: Tensor, rows_a: Tensor, rows_b: Tensor) -> Tensor:
        """The features' loss in nats, `(L, R)`, after the discriminator's step."""
        self._critic.improve(a, b, self._loss)
        return softplus(-self._critic.scores(b)).mean(-1)

    def _loss(self, score_a: Tensor, score_b: Tensor, norm: Tensor) -> Tensor:
        logistic = softplus(-score_a).mean(-1) + softplus(score_b).mean(-1)
        return logistic + self._regulariser / 2 * norm.square()


class WassersteinGp:
    """Wasserstein min-max with a penalty on the critic's slope (Gulrajani et al. 2017, equation 3).

    Critic: minimise mean_B s - mean_A s + penalty (|w| - 1)^2, for a linear critic has the slope w
    everywhere, also between the points; features: minimise -mean_B s. `CRITIC_STEPS` critic steps
    on a batch, then one step of the features on it.
    """

    betas: ClassVar[tuple[float, float]] = (0.0, 0.9)

    def __init__(self, start: Start) -> None:
        self._critic = _Critic(start.a.shape[-1], start.grid, self.betas, start.seed)
        self._penalty = start.grid.scaled(GRADIENT_PENALTY)

    def __call__(self, a: Tensor, b: Tensor, rows_a: Tensor, rows_b: Tensor) -> Tensor:
        """The features' loss in units of the features, `(L, R)`, after the critic's steps."""
        for _ in range(CRITIC_STEPS):
            self._critic.improve(a, b, self._loss)
        return -self._critic.scores(b).mean(-1)

    def _loss(self, score_a: Tensor, score_b: Tensor, norm: Tensor) -> Tensor:
        return score_b.mean(-1) - score_a.mean(-1) + self._penalty * (norm - 1).square()


class Mmd:
    """The biased `squared_mmd`; its regulariser is the width of the kernel.

    Reference is the median rule on the features before adaptation.
    """

    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    def __init__(self, start: Start) -> None:
        self._width = start.grid.scaled(median_width(start.a, start.b)).view(-1, 1, 1)

    def __call__(self, a: Tensor, b: Tensor, rows_a: Tensor, rows_b: Tensor) -> Tensor:
        """The squared MMD of each run, `(L, R)`, without unit."""
        a = (a / self._width).expand(*b.shape[:2], -1, -1)
        return squared_mmd(a, b / self._width, width=1.0)


class Dual:
    """Joint descent on the features and on the `dual_objective` weights of all points.

    Every point keeps its weight alpha, at first 1/2. A step moves the weights of the points of a
    batch down their gradient and back by `project`, and at the same time the features by Adam.
    A weight is met once in a pass over its domain, any other parameter in every batch: hence the
    rate of alpha is the run's learning rate times the batches in a pass over the target.
    """

    betas: ClassVar[tuple[float, float]] = (0.9, 0.999)

    def __init__(self, start: Start) -> None:
        self._scale = (start.logistic_regulariser * start.batch_size).sqrt().view(-1, 1, 1)
        self._rates = start.grid.rates() * (len(start.b) // start.batch_size)
        self._alpha_a, self._alpha_b = (
            torch.full((*start.grid.shape, len(x)), 0.5, dtype=torch.float64)
            for x in (start.a, start.b)
        )

    def __call__(self, a: Tensor, b: Tensor, rows_a: Tensor, rows_b: Tensor) -> Tensor:
        """The dual of each run in nats, `(L, R)`, at the weights before their step."""
        a, b = ((x / self._scale).double() for x in (a, b))
        alpha_a = self._alpha_a[..., rows_a].requires_grad_()
        alpha_b = self._alpha_b[..., rows_b].requires_grad_()
        kernels = linear_kernel(a, a), linear_kernel(b, b), linear_kernel(a, b)
        value = dual_objective(alpha_a, alpha_b, *kernels, 1.0)
        slope_a, slope_b = torch.autograd.grad(value.sum(), [alpha_a, alpha_b], retain_graph=True)
        with torch.no_grad():
            moved = project(alpha_a - self._rates * slope_a, alpha_b - self._rates * slope_b)
            self._alpha_a[..., rows_a], self._alpha_b[..., rows_b] = moved
        return value


METHODS: dict[str, Callable[[Start], Any]] = {
    "dual": Dual,
    "wgan-gp": WassersteinGp,
    "mmd": Mmd,
    "adda": Adda,
}
"""Makes the loss of the target's features in a batch, by method."""


@dataclass(frozen=True)
class Heads:
    """The feature layer of the target in each run: relu(x W + v).

    Attributes:
        weight: W, of shape `(L, R, H, D)`.
        bias: v, of shape `(L, R, 1, D)`.
    """

    weight: Tensor
    bias: Tensor

    def __call__(self, x: Tensor) -> Tensor:
        """Features `(L, R, n, D)` of lower features `(n, H)`."""
        return (x @ self.weight + self.bias).relu()


def adapt(
    method: str,
    network: SourceNetwork,
    images_a: Any,
    images_b: Any,
    *,
    grid: Grid,
    epochs: int,
    batch_size: int,
    seed: int,
) -> Iterator[Heads]:
    """Align the target's features with the source's, in every run of a grid at once.

    The target's feature layer starts as a copy of the source's and is all that is trained; what
    lies below and the classifier stay. All runs see the same batches, and no labels.

    Args:
        method: One of `METHODS`.
        network: Trained on the source.
        images_a: Of the source `(N_A, 1, side, side)`, floats in [0, 1].
        images_b: Of the target `(N_B, 1, side, side)`, floats in [0, 1].
        grid: The runs.
        epochs: Passes over the target.
        batch_size: Images of each domain in a step.
        seed: Of the batches and the discriminators.

    Yields:
        The feature layers before the first epoch, and after each.

    Raises:
        InputError: The method is unknown, or the images are unusable or fewer than a batch.
    """
    if method not in METHODS:
        raise InputError("method", f"is {method!r}", mend=f"use one of {', '.join(METHODS)}")
    x_a, x_b = (as_images(x, name) for x, name in ((images_a, "images_a"), (images_b, "images_b")))
    if min(len(x_a), len(x_b)) < batch_size or batch_size < 1:
        raise InputError(
            "batch_size",
            f"is {batch_size}, for {len(x_a)} and {len(x_b)} images",
            mend="use at least 1 and at most the number of images of either domain",
        )
    lower_a, lower_b = network.lower(x_a), network.lower(x_b)
    initial = Heads(network.head.weight.mT.clone(), network.head.bias.unsqueeze(0))
    features_a = initial(lower_a)
    start = Start(grid, features_a, initial(lower_b), batch_size, seed)
    loss = METHODS[method](start)
    runs = Runs(initial.weight, initial.bias, grid=grid, betas=loss.betas)
    draws_a, draws_b = (
        batches(len(x), batch_size, generator(seed, f"batches of {name}"))
        for x, name in ((x_a, "A"), (x_b, "B"))
    )
    yield _heads(runs)
    for _ in range(epochs):
        for _ in range(len(x_b) // batch_size):
            rows_a, rows_b = next(draws_a), next(draws_b)
            b = Heads(*runs.tensors())(lower_b[rows_b])
            runs.step(loss(features_a[rows_a], b, rows_a, rows_b))
        yield _heads(runs)


def _heads(runs: Runs) -> Heads:
    return Heads(*(one.detach() for one in runs.tensors()))


@dataclass(frozen=True)
class Stability:
    """The outcome of a study.

    Attributes:
        source_only: Accuracy on the target without adaptation, a share, `(seeds,)`.
        accuracy: By method the accuracy on the target of every run before the first epoch and
            after each, a share, `(seeds, epochs + 1, L, R)`.
    """

    source_only: npt.NDArray[np.float64]
    accuracy: dict[str, npt.NDArray[np.float64]]

    def share_above_source(self, method: str) -> npt.NDArray[np.float64]:
        """Runs more accurate than source-only after the last epoch, in percent, `(seeds,)`."""
        above = self.accuracy[method][:, -1] > self.source_only[:, None, None]
        return 100 * above.mean((1, 2))


def stability_study(
    images_a: Any,
    digits_a: npt.ArrayLike,
    images_b: Any,
    judged_b: Any,
    digits_b: npt.ArrayLike,
    *,
    grid: Grid,
    epochs: int,
    batch_size: int,
    width: int,
    size: int,
    source_steps: int,
    seeds: Sequence[int],
    methods: Sequence[str] = tuple(METHODS),
) -> Stability:
    """Train on the source, adapt to the target over a grid of settings, and judge every run.

    Args:
        images_a: Of the source, to train on, `(N_A, 1, side, side)`, floats in [0, 1].
        digits_a: Their classes, integers `(N_A,)` from 0 to 9.
        images_b: Of the target, to adapt to.
        judged_b: Of the target, to judge by.
        digits_b: The classes of `judged_b`; nothing else is known of the target's classes.
        grid: The runs of each method.
        epochs: Passes over the target.
        batch_size: Images of each domain in a step of adaptation.
        width: Channels of the first convolution, a multiple of 4.
        size: Number of features.
        source_steps: Steps of the source's training.
        seeds: A source network and a grid of runs of each method for every seed.
        methods: Some of `METHODS`.

    Returns:
        The accuracies.

    Raises:
        InputError: As `train_source` and `adapt`.
    """
    judged = as_images(judged_b, "judged_b")
    digits = torch.from_numpy(as_labels(digits_b, "digits_b", count=len(judged), classes=10))
    source_only: list[npt.NDArray[np.float64]] = []
    accuracy: dict[str, list[npt.NDArray[np.float64]]] = {method: [] for method in methods}
    for seed in seeds:
        network = train_source(
            images_a, digits_a, width=width, size=size, steps=source_steps, seed=seed
        )
        lower = network.lower(judged)
        source_only.append(_accuracy(network.classifier(network.head(lower).relu()), digits))
        for method in methods:
            runs = adapt(
                method,
                network,
                images_a,
                images_b,
                grid=grid,
                epochs=epochs,
                batch_size=batch_size,
                seed=seed,
            )
            judgements = [_accuracy(network.classifier(heads(lower)), digits) for heads in runs]
            accuracy[method].append(np.stack(judgements))
    return Stability(np.stack(source_only), {m: np.stack(runs) for m, runs in accuracy.items()})


def _accuracy(logits: Tensor, digits: Tensor) -> npt.NDArray[np.float64]:
    """Share of logits `(..., n, classes)` that are largest at the digit."""
    return (logits.argmax(-1) == digits).double().mean(-1).numpy()

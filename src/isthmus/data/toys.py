"""Point clouds in the plane whose law, and whose right alignment, are known.

In every pair domain B is the reference and the map from A to B is known. Rotations are in degrees
and clockwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from isthmus.data.table import Table
from isthmus.errors import InputError
from isthmus.seeding import derive

Array = npt.NDArray[np.float64]
DOMAINS = ("a", "b")


class Gaussian(NamedTuple):
    """Mean `(d,)` and covariance `(d, d)` of a normal law."""

    mean: Array
    covariance: Array


class Mixture(NamedTuple):
    """Weights `(k,)`, means `(k, d)` and common standard deviation of isotropic normal laws."""

    weights: Array
    means: Array
    deviation: float


def moons(n: int, *, noise: float = 0.05, rotation: float = 50.0, seed: int) -> tuple[Table, Table]:
    """Two moons (B), and a fresh sample of the same law turned clockwise (A).

    With t uniform in [0, 1], arm 0 is (cos pi t, sin pi t) and arm 1 is (1 - cos pi t,
    1/2 - sin pi t), the geometry of `sklearn.datasets.make_moons`; normal noise is added. Both
    samples are standardised with the mean and the standard deviations of B, then A is turned about
    the origin, so that the map from A to B is a counter-clockwise rotation by the same angle.
    At the defaults and n = 1,000 this is the setting of figure 1 of LRMF (Usman et al., NeurIPS
    2020) as far as it is known: a 1-nearest-neighbour classifier trained on B scores 0.96 on A.

    Args:
        n: Points a domain, half of them in each arm, in random order.
        noise: Standard deviation of the noise, before standardisation.
        rotation: Clockwise rotation of A in degrees.
        seed: Decides both samples.

    Returns:
        Tables A and B: points float64 `(n, 2)`, factor `arm`, measure `coordinate` (t).

    Raises:
        InputError: n is below 2, or a setting is not finite or the noise negative.
    """
    _check("moons", n, 2, rotation=rotation, noise=noise)
    if noise < 0:
        raise InputError("moons", f"is {noise}", field="noise", mend="use 0 or more")
    source = f"two moons, noise {noise:g}, rotation {rotation:g} degrees"
    a, b = (_moons(n, noise, derive(seed, "moons", domain)) for domain in DOMAINS)
    mean, deviation = b.values.mean(axis=0), b.values.std(axis=0)
    turned = (a.values - mean) / deviation @ rotation_matrix(rotation).T
    return (
        replace(a, values=turned, source=source, seed=seed),
        replace(b, values=(b.values - mean) / deviation, source=source, seed=seed),
    )


def _moons(n: int, noise: float, seed: int) -> Table:
    rng = np.random.default_rng(seed)
    arm = rng.permutation(np.arange(n) % 2)
    coordinate = rng.random(n)
    cosine, sine = np.cos(np.pi * coordinate), np.sin(np.pi * coordinate)
    upper = np.stack([cosine, sine], axis=1)
    points = np.where(arm[:, np.newaxis] == 0, upper, [1.0, 0.5] - upper)
    return Table(
        kind="points",
        values=points + noise * rng.standard_normal((n, 2)),
        factors={"arm": arm},
        levels={"arm": ("upper", "lower")},
        measures={"coordinate": coordinate},
        source="two moons",
    )


def blobs(n: int, *, seed: int) -> tuple[Table, Table]:
    """A normal sample a domain; `blob_parameters` gives the laws.

    Args:
        n: Points a domain.
        seed: Decides both samples.

    Returns:
        Tables A and B: points float64 `(n, 2)`, no factors.

    Raises:
        InputError: n is below 1.
    """
    _check("blobs", n, 1)
    tables = []
    for domain, law in zip(DOMAINS, blob_parameters(), strict=True):
        rng = np.random.default_rng(derive(seed, "blobs", domain))
        root = np.linalg.cholesky(law.covariance)
        points = law.mean + rng.standard_normal((n, 2)) @ root.T
        tables.append(Table(kind="points", values=points, source="two normal blobs", seed=seed))
    return tables[0], tables[1]


def blob_parameters() -> tuple[Gaussian, Gaussian]:
    """The laws of `blobs`, A's and B's.

    A is N((2, 1), [[1, 0.6], [0.6, 0.8]]), B is N((0, 0), [[0.6, -0.3], [-0.3, 1]]).
    """
    return (
        Gaussian(np.array([2.0, 1.0]), np.array([[1.0, 0.6], [0.6, 0.8]])),
        Gaussian(np.array([0.0, 0.0]), np.array([[0.6, -0.3], [-0.3, 1.0]])),
    )


def mixtures(
    n: int, *, rotation: float = 40.0, shift: tuple[float, float] = (1.0, -0.5), seed: int
) -> tuple[Table, Table]:
    """A sample of a three-component normal mixture a domain; `mixture_parameters` gives the laws.

    Args:
        n: Points a domain, in random order.
        rotation: Clockwise rotation from A's means to B's, in degrees, about the origin.
        shift: What is added to the turned means.
        seed: Decides both samples.

    Returns:
        Tables A and B: points float64 `(n, 2)`, factor `component` (levels 0, 1, 2).

    Raises:
        InputError: n is below 1, or a setting is not finite.
    """
    _check("mixtures", n, 1, rotation=rotation, shift=shift)
    tables = []
    for domain, law in zip(DOMAINS, mixture_parameters(rotation, shift), strict=True):
        rng = np.random.default_rng(derive(seed, "mixtures", domain))
        component = rng.choice(len(law.weights), size=n, p=law.weights)
        points = law.means[component] + law.deviation * rng.standard_normal((n, 2))
        tables.append(
            Table(
                kind="points",
                values=points,
                factors={"component": component},
                levels={"component": ("0", "1", "2")},
                source=f"normal mixtures, rotation {rotation:g} degrees, shift {tuple(shift)}",
                seed=seed,
            )
        )
    return tables[0], tables[1]


def mixture_parameters(
    rotation: float = 40.0, shift: tuple[float, float] = (1.0, -0.5)
) -> tuple[Mixture, Mixture]:
    """The laws of `mixtures`: weights 0.5, 0.3, 0.2 and standard deviation 0.3 in both domains.

    The components are isotropic, so B's law is A's law turned and shifted, and that is the
    only rigid motion that maps A's law to B's.
    """
    weights = np.array([0.5, 0.3, 0.2])
    means = np.array([[-1.5, 0.0], [1.0, 1.0], [1.0, -1.5]])
    turned = means @ rotation_matrix(rotation).T + np.asarray(shift)
    return Mixture(weights, means, 0.3), Mixture(weights, turned, 0.3)


def rotation_matrix(degrees: float) -> Array:
    """The matrix `(2, 2)` that turns column vectors clockwise."""
    cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
    return np.array([[cosine, sine], [-sine, cosine]])


TOYS: dict[str, Callable[..., tuple[Table, Table]]] = {
    "moons": moons,
    "blobs": blobs,
    "mixtures": mixtures,
}


def load(
    name: str, *, train_size: int = 1000, test_size: int = 1000, seed: int, **options: Any
) -> dict[str, Table]:
    """Both domains of a toy in one table, factor `domain` (levels a, b) first.

    One sample of each domain is cut into the two splits, which therefore share one frame: where a
    toy standardises, it does so once.

    Args:
        name: A key of `TOYS`.
        train_size: Points a domain for training.
        test_size: Points a domain for testing.
        seed: Decides the samples.
        options: Keyword arguments of the toy.

    Returns:
        Tables `train` and `test`, the rows of A before the rows of B.

    Raises:
        InputError: There is no such toy, or a setting makes no sense.
    """
    if name not in TOYS:
        raise InputError("toys", f"is {name!r}", field="name", mend=f"use one of {', '.join(TOYS)}")
    for field, size in (("train_size", train_size), ("test_size", test_size)):
        if size < 1:
            raise InputError(name, f"is {size}", field=field, mend="use at least 1")
    a, b = TOYS[name](train_size + test_size, seed=seed, **options)
    train, test = np.arange(train_size), np.arange(train_size, train_size + test_size)
    return {"train": _both(a.take(train), b.take(train)), "test": _both(a.take(test), b.take(test))}


def _both(a: Table, b: Table) -> Table:
    domain = np.repeat(np.arange(2), [len(a), len(b)])
    joined = {name: np.concatenate([a.factors[name], b.factors[name]]) for name in a.factors}
    return Table(
        kind="points",
        values=np.concatenate([a.values, b.values]),
        factors={"domain": domain} | joined,
        levels={"domain": DOMAINS} | a.levels,
        measures={
            name: np.concatenate([a.measures[name], b.measures[name]]) for name in a.measures
        },
        source=a.source,
        seed=a.seed,
    )


def _check(toy: str, n: int, smallest: int, **settings: float | tuple[float, float]) -> None:
    if n < smallest:
        raise InputError(toy, f"is {n}", field="n", mend=f"use at least {smallest}")
    for name, setting in settings.items():
        if not np.isfinite(setting).all():
            raise InputError(toy, f"is {setting}", field=name, mend="use finite numbers")

"""How well one attribute is manipulated and all the rest is kept: the measures of PuppetGAN.

Outputs come from every pair of a real image and a synthetic guide; guides are sequences in which the
attribute changes and the rest does not, one attribute value a step, the same in all sequences. No
number is enough alone: a model that copies the real image keeps the class and has no variation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import gaussian_kde

from isthmus.errors import InputError
from isthmus.metrics.arrays import as_points
from isthmus.metrics.classification import Rate, accuracy

Array = npt.NDArray[np.float64]
Images = npt.NDArray[np.uint8]
Measure = Callable[[npt.NDArray[np.float32]], npt.NDArray[np.generic]]
"""From images `(n, c, side, side)` in [0, 1] to numbers `(n,)`."""

GRID = 1001
"""Points at which densities are compared."""

MARGIN = 6.0
"""How far beyond the data they are compared, in kernel widths."""

CHUNK = 4096
"""Images measured at a time."""


@dataclass(frozen=True)
class Scores:
    """What Table 2 of the paper gives for a model; correlations are Pearson's.

    Attributes:
        accuracy: Share of outputs of the real image's class, with its binomial error (which takes
            the outputs of one real image as independent).
        r_attribute: Of the attribute in output and guide, pooled over all; higher is better.
        r_attribute_sequence: The same within a real image and a sequence, mean over both.
        r_rest: Of another measure in output and guide, pooled; nearer to 0 is better.
        r_rest_step: The same within a real image and a step, mean over both.
        v_rest: `rest_variation`.
    """

    accuracy: Rate
    r_attribute: float
    r_attribute_sequence: float
    r_rest: float
    r_rest_step: float
    v_rest: float


def score(
    outputs: Images,
    labels: npt.ArrayLike,
    guides: Images,
    *,
    classify: Measure,
    attribute: Measure,
    rest: Measure,
) -> Scores:
    """All measures of a model.

    Args:
        outputs: For r real images, s sequences and t steps, uint8 `(r, s, t, c, side, side)`.
        labels: Classes of the real images, integers `(r,)` from 0.
        guides: The sequences, uint8 `(s, t, c, side, side)`.
        classify: Gives classes of images, integers from 0.
        attribute: Measures the attribute, such as `isthmus.attributes.moments.rotation`.
        rest: Measures something that is not the attribute, such as the size.

    Raises:
        InputError: The shapes do not fit.
    """
    fits = outputs.ndim == 6 and outputs.shape[1:] == guides.shape
    if not fits or np.shape(labels) != outputs.shape[:1]:
        raise InputError(
            "outputs",
            f"has shape {outputs.shape} for guides {guides.shape} and labels {np.shape(labels)}",
            mend="give one output for each of the real images, sequences and steps",
        )
    found = {
        name: (measured(outputs, measure), measured(guides, measure))
        for name, measure in (("attribute", attribute), ("rest", rest))
    }

    def pooled(name: str) -> float:
        output, guide = found[name]
        return correlation(output.ravel(), np.broadcast_to(guide, output.shape).ravel())

    def within(name: str, axis: int) -> float:
        output, guide = (np.moveaxis(values, axis, -1) for values in found[name])
        return mean_correlation(output, np.broadcast_to(guide, output.shape))

    truth = np.repeat(np.asarray(labels), guides.shape[0] * guides.shape[1])
    return Scores(
        accuracy=accuracy(measured(outputs, classify).ravel(), truth),
        r_attribute=pooled("attribute"),
        r_attribute_sequence=within("attribute", -1),
        r_rest=pooled("rest"),
        r_rest_step=within("rest", -2),
        v_rest=rest_variation(outputs),
    )


def correlation(output: npt.ArrayLike, guide: npt.ArrayLike) -> float:
    """Pearson's correlation of a measure in outputs and in their guides.

    Args:
        output: Numbers `(n,)`.
        guide: Numbers `(n,)`.

    Returns:
        From -1 to 1; 0 where the output is the same throughout, which follows nothing; nan where
        the guide is, which says nothing.
    """
    x, y = (np.asarray(values, dtype=np.float64) for values in (output, guide))
    return float(_correlations(x[np.newaxis], y[np.newaxis])[0])


def mean_correlation(output: npt.ArrayLike, guide: npt.ArrayLike) -> float:
    """The mean of `correlation` over rows `(..., n)`; rows of a constant guide do not count."""
    x, y = (np.asarray(values, dtype=np.float64) for values in (output, guide))
    found = _correlations(x.reshape(-1, x.shape[-1]), y.reshape(-1, y.shape[-1]))
    counted = found[~np.isnan(found)]
    return float(counted.mean()) if counted.size else float("nan")


def response(
    output: npt.ArrayLike, guide: npt.ArrayLike, inside: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """How far the attribute of outputs moves from step to step, in what that of the guides moves.

    Medians over real images, sequences and steps, so that an axis that turns over, from 90 to -90
    degrees, does not count.

    Args:
        output: The attribute in outputs, `(r, s, t)`.
        guide: In the guides, `(s, t)`, rising or falling throughout.
        inside: Which steps are well inside the range of training, `(t,)`.

    Returns:
        Between two steps inside the range; between the outermost two at either end.
    """
    moved, asked = (np.diff(np.asarray(x, dtype=np.float64), axis=-1) for x in (output, guide))
    ends = np.zeros(moved.shape[-1], bool)
    ends[[0, -1]] = True
    within, outside = (
        float(np.median(moved[..., steps]) / np.median(asked[..., steps]))
        for steps in (inside[1:] & inside[:-1], ends)
    )
    return within, outside


def rest_variation(outputs: Images) -> float:
    """V_rest: how much pixels change with the guide where its attribute does not.

    The standard deviation over the guides of one attribute value, mean over all pixels. The paper
    says "variation", and prints 0.33, more than a variance of numbers in [0, 1] can be.

    Args:
        outputs: uint8 `(..., s, t, c, side, side)`: the s guides at a step t share the attribute.

    Returns:
        From 0 to 1/2, for pixels in [0, 1].
    """
    pixels = outputs.reshape(-1, *outputs.shape[-5:])
    return float(np.mean([each.std(0, dtype=np.float64).mean() for each in pixels]) / 255)


def jensen_shannon(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Jensen-Shannon divergence of a measure between two data sets: a number of the data.

    Of kernel densities with Scott's bandwidth, as the paper says. The J that it prints (0.05 to
    108) cannot be this one, which has a bound; see `jeffreys`.

    Args:
        a: The measure in one set, `(n,)`, not all the same.
        b: In the other, `(m,)`.

    Returns:
        Nats, from 0 to ln 2 = 0.693.

    Raises:
        InputError: There are fewer than two numbers, or they are all the same.
    """
    grid, p, q = _log_densities(a, b)
    middle = np.logaddexp(p, q) - np.log(2)
    return (_divergence(grid, p, middle) + _divergence(grid, q, middle)) / 2


def jeffreys(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """KL(p | q) + KL(q | p) of the densities of `jensen_shannon`, in nats, without a bound.

    It stands beside the J that the paper prints; whether that is what was printed is not known.
    Where the sets barely overlap it is a matter of the kernels' tails.

    Raises:
        InputError: As `jensen_shannon`.
    """
    grid, p, q = _log_densities(a, b)
    return _divergence(grid, p, q) + _divergence(grid, q, p)


def measured(images: Images, measure: Measure) -> npt.NDArray[np.generic]:
    """A measure of images uint8 `(..., c, side, side)`, of the shape `(...)`."""
    flat = images.reshape(-1, *images.shape[-3:])
    chunks = [
        measure(flat[start : start + CHUNK].astype(np.float32) / np.float32(255))
        for start in range(0, len(flat), CHUNK)
    ]
    return np.concatenate(chunks).reshape(images.shape[:-3])


def _correlations(x: Array, y: Array) -> Array:
    """Of each row."""
    constant_x, constant_y = (np.ptp(values, axis=-1) == 0 for values in (x, y))
    x, y = (values - values.mean(-1, keepdims=True) for values in (x, y))
    product = np.sqrt((x**2).sum(-1) * (y**2).sum(-1))
    found = np.where(constant_x, 0, (x * y).sum(-1) / np.where(product > 0, product, 1))
    return np.where(constant_y, np.nan, found.clip(-1, 1))


def _log_densities(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[Array, Array, Array]:
    """A grid that holds both sets, and the log densities of each there."""
    sets = [as_points(np.reshape(x, (-1, 1)), name)[:, 0] for name, x in (("a", a), ("b", b))]
    for name, x in zip("ab", sets, strict=True):
        if x.min() == x.max():
            raise InputError(name, "has no spread", mend="give numbers that differ")
    kernels = [gaussian_kde(x) for x in sets]
    reach = MARGIN * max(float(np.sqrt(kernel.covariance[0, 0])) for kernel in kernels)
    joint = np.concatenate(sets)
    grid = np.linspace(joint.min() - reach, joint.max() + reach, GRID)
    p, q = (kernel.logpdf(grid) for kernel in kernels)
    return grid, p, q


def _divergence(grid: Array, p: Array, q: Array) -> float:
    """KL(p | q) of log densities on a grid, by the trapezoid rule."""
    return float(np.trapezoid(np.exp(p) * (p - q), grid))

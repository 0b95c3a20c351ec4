"""How much a cycle hides: quantised honesty, sensitivity to noise, cheating index, hidden signal.

Adversarial self-defence for cycle-consistent GANs (Bashkirova, Usman, Saenko 2019). Where B holds
less than A, a cycle A -> B -> A that reconstructs perfectly must have hidden in the translation what
the translation does not show. Any translator will do that is a pair of functions of images.

Images are floats `(n, channels, height, width)` in [-1, 1]; the published figures are norms of
images in [0, 1] over all elements, not divided by their number, and sigma is on the scale of [-1, 1].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.metrics.segmentation import nearest
from isthmus.networks.convolutional import SLOPE
from isthmus.networks.randomness import batches, generator, seeded

Way = Callable[[Tensor], Tensor]
"""From all images of a set to as many of the other domain, in the same order, without noise."""
Quantiser = Callable[[Tensor], Tensor]

LEVELS = (1, 2, 4, 8, 16, 32, 128)
"""The steps K of the curve beside the headline; 128 is nearly what storing bytes does."""
SIGMAS = tuple(round(0.02 * step, 2) for step in range(11))
"""The deviations over which the sensitivity is integrated, 0 to 0.2."""

_WIDTH, _DEPTH, _CHUNK = 32, 3, 64
_NOTHING = 1e-10
"""A mean square below it is rounding: a grey level is 6e-5."""


class Score(NamedTuple):
    """A norm for each image.

    Attributes:
        mean: Over the images.
        deviation: Standard deviation over the images.
        rms: The mean as a root mean square a pixel and channel, which does not grow with the image.
    """

    mean: float
    deviation: float
    rms: float


class Sensitivity(NamedTuple):
    """SN.

    Attributes:
        sigmas: Deviations of the noise.
        scores: SN(sigma) of each.
        integral: Of the mean over sigma, by the trapezoid rule.
    """

    sigmas: tuple[float, ...]
    scores: tuple[Score, ...]
    integral: float


class Hidden(NamedTuple):
    """What a small network of its own reads from translations that it has not seen.

    Attributes:
        clean: L1 of its reconstructions, mean over all elements in [-1, 1], to be compared with
            that of honest ones.
        quantised: The same from quantised translations, with another network of the same kind.
        clean_r2: The part that it reads of what honest reconstructions lack, 1 - the sum of its
            squared errors over that of theirs; 0 where they lack nothing.
        quantised_r2: The same from quantised translations.
    """

    clean: float
    quantised: float
    clean_r2: float
    quantised_r2: float

    @property
    def share(self) -> float:
        """1 - clean / quantised: 0 where quantising destroys nothing that can be read."""
        return 1 - self.clean / self.quantised if self.quantised else 0.0


@dataclass(frozen=True)
class Cycle:
    """A set of images that were translated, and translated back.

    Attributes:
        sources: a.
        translations: y = F(a).
        reconstructions: G(y).
        back: G. It is given as many images as there are sources, in their order, so that a method
            with guides may hold one for each of them; the policy belongs in what is reported.
    """

    sources: Tensor
    translations: Tensor
    reconstructions: Tensor
    back: Way


@torch.no_grad()
def cycle(there: Way, back: Way, sources: Tensor) -> Cycle:
    """Translate images there and back.

    Raises:
        InputError: There are no images, or what comes is not finite or of another number or size.
    """
    if sources.dim() != 4 or not sources.numel():
        mend = "give (n, channels, height, width)"
        raise InputError("sources", f"has shape {tuple(sources.shape)}", mend=mend)
    translations = there(sources)
    found, wanted = tuple(translations.shape), tuple(sources.shape)
    if len(found) != 4 or (found[0], *found[2:]) != (wanted[0], *wanted[2:]):
        problem = f"have shape {found} where sources have {wanted}"
        raise InputError("translations", problem, mend="give one image a source, of its size")
    _finite("translations", translations)
    reconstructions = back(translations)
    _same("reconstructions", reconstructions, sources)
    return Cycle(sources, translations, reconstructions, back)


def to_levels(levels: int) -> Quantiser:
    """round(x K) / K, elementwise, K = `levels`: 2 K + 1 levels from -1 to 1."""

    def quantise(images: Tensor) -> Tensor:
        return (images * levels).round() / levels

    return quantise


def to_palette(palette: Tensor) -> Quantiser:
    """Every pixel becomes the nearest of the colours `(classes, channels)` in [-1, 1]."""

    def quantise(images: Tensor) -> Tensor:
        return palette[nearest(images, palette)].movedim(-1, 1).contiguous().to(images)

    return quantise


@torch.no_grad()
def honesty(of: Cycle, quantise: Quantiser) -> Score:
    """RH = mean_i |G(q(F(a_i))) - a_i|_2 - |G(F(a_i)) - a_i|_2, the lower the more honest.

    What quantising the translation takes from the reconstruction was hidden below the steps of q.
    It may be negative: to an honest cycle q can only help.

    Args:
        of: The cycle of the domain that has more to tell.
        quantise: q; `to_palette` where B has a palette.
    """
    again = of.back(quantise(of.translations))
    _same("reconstructions", again, of.sources)
    return _score(_norms(again - of.sources) - _norms(of.reconstructions - of.sources), of)


@torch.no_grad()
def sensitivity(of: Cycle, sigmas: Sequence[float] = SIGMAS, *, seed: int) -> Sensitivity:
    """SN(sigma) = mean_i |G(F(a_i) + sigma n_i) - G(F(a_i))|_2, n_i ~ N(0, I), and its integral.

    The same n_i serve all sigmas, so that the curve is smooth; nothing is clamped.

    Args:
        of: A cycle.
        sigmas: Two or more, rising from 0 or above.
        seed: Of the noise.

    Raises:
        InputError: The sigmas are no such numbers.
    """
    grid = np.asarray(sigmas, np.float64)
    if len(grid) < 2 or grid[0] < 0 or not (np.diff(grid) > 0).all():
        mend = "give two or more, rising from 0 or above"
        raise InputError("sigmas", f"is {tuple(sigmas)}", mend=mend)
    noise = torch.randn(of.translations.shape, generator=generator(seed, "sensitivity"))
    noise = noise.to(of.translations)
    scores = []
    for sigma in grid.tolist():
        again = of.back(of.translations + sigma * noise)
        _same("reconstructions", again, of.sources)
        scores.append(_score(_norms(again - of.reconstructions), of))
    integral = float(np.trapezoid([score.mean for score in scores], grid))
    return Sensitivity(tuple(grid.tolist()), tuple(scores), integral)


def cheating_index(reconstructions: Tensor, honest: Tensor, sources: Tensor) -> float:
    """1 - L1(reconstructions) / L1(honest): 0 or below for the honest, 1 for a perfect cheat.

    Args:
        reconstructions: G(F(a)).
        honest: The best reconstructions for whoever knows only what B may show of a.
        sources: a.

    Raises:
        InputError: The shapes differ, or the honest ones are perfect, so that there is nothing to
            cheat about.
    """
    for name, images in (("reconstructions", reconstructions), ("honest", honest)):
        _same(name, images, sources)
    floor = l1_loss(honest, sources).item()
    if not floor:
        mend = "measure cheating where A holds more than B"
        raise InputError("honest", "leaves no error, the honest floor is 0", mend=mend)
    return 1 - l1_loss(reconstructions, sources).item() / floor


def hidden_information(
    of: Cycle,
    quantise: Quantiser,
    *,
    honest: Tensor | None = None,
    steps: int = 300,
    batch_size: int = 16,
    learning_rate: float = 0.003,
    seed: int,
) -> Hidden:
    """Train a small network to reconstruct sources from translations, whatever G makes of them.

    A convolutional network that sees 9 x 9 pixels reads one half of the translations, and is judged
    on the other. It is given q(y) and, brought to unit strength, y - q(y), in which a faint signal
    would be; without the latter it reads what is quantised. It adds to the honest reconstructions
    and begins by adding nothing; every twentieth of the steps a fifth of its half says whether it
    has become better, and its best state counts. So where nothing is hidden, it gives what it was
    given.

    Args:
        of: A cycle of 20 or more sources, in no particular order.
        quantise: q, what should take the hidden signal away, see `honesty`.
        honest: As in `cheating_index`; the mean source at every pixel if left out.
        steps: Steps of Adam.
        batch_size: Translations in a step.
        learning_rate: Adam's.
        seed: Of the weights and batches.

    Raises:
        InputError: The shapes do not fit together, or there are too few images.
    """
    count = len(of.sources) // 2
    if count < 10:
        raise InputError("sources", f"holds {len(of.sources)} images", mend="give 20 or more")
    start = of.sources[:count].mean(0).expand_as(of.sources) if honest is None else honest
    _same("honest", start, of.sources)
    missing, shown = of.sources - start, quantise(of.translations)
    held = count // 5

    def read(rest: Tensor) -> Tensor:
        strength = rest[:count].square().mean().sqrt().clamp(min=1e-12)
        seen = torch.cat([shown, rest / strength], 1)
        with seeded(seed):
            probe = _probe(seen.shape[1], missing.shape[1])
        adam = torch.optim.Adam(probe.parameters(), lr=learning_rate)
        rows = batches(count - held, batch_size, generator(seed, "probe"))
        best, kept = float("inf"), torch.zeros_like(missing[count:])
        for step in range(steps + 1):
            if step % max(1, steps // 20) == 0:
                error = l1_loss(_read(probe, seen[:held]), missing[:held]).item()
                if error < best:
                    best, kept = error, _read(probe, seen[count:])
            chosen = held + next(rows)
            loss = l1_loss(probe(seen[chosen]), missing[chosen])
            adam.zero_grad()
            loss.backward()
            adam.step()
        return kept - missing[count:]

    clean, quantised = read(of.translations - shown), read(torch.zeros_like(shown))
    lacking = missing[count:].square()

    def part(error: Tensor) -> float:
        if lacking.mean() < _NOTHING:
            return 0.0
        return 1 - (error.square().sum() / lacking.sum()).item()

    return Hidden(
        clean=clean.abs().mean().item(),
        quantised=quantised.abs().mean().item(),
        clean_r2=part(clean),
        quantised_r2=part(quantised),
    )


def _probe(inputs: int, outputs: int) -> nn.Sequential:
    """Convolutions of 3 x 3, the last of which begins at 0."""
    layers: list[nn.Module] = []
    for _ in range(_DEPTH):
        layers += [nn.Conv2d(inputs, _WIDTH, 3, padding=1), nn.LeakyReLU(SLOPE)]
        inputs = _WIDTH
    last = nn.Conv2d(inputs, outputs, 3, padding=1)
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers, last)


@torch.no_grad()
def _read(probe: nn.Module, images: Tensor) -> Tensor:
    return torch.cat([probe(part) for part in images.split(_CHUNK)])


def _norms(difference: Tensor) -> Tensor:
    """Of each image, on the scale of [0, 1], `(n,)`."""
    return difference.double().flatten(1).norm(dim=1) / 2


def _score(norms: Tensor, of: Cycle) -> Score:
    mean = norms.mean().item()
    return Score(mean, norms.std(correction=0).item(), mean / of.sources[0].numel() ** 0.5)


def _same(name: str, images: Tensor, sources: Tensor) -> None:
    if images.shape != sources.shape:
        problem = f"have shape {tuple(images.shape)} where sources have {tuple(sources.shape)}"
        raise InputError(name, problem, mend="give one image a source, of its shape")
    _finite(name, images)


def _finite(name: str, images: Tensor) -> None:
    wrong = int((~images.isfinite()).flatten(1).any(1).sum())
    if wrong:
        problem = f"hold NaN or infinity in {wrong} of {len(images)} images"
        raise InputError(name, problem, mend="look for a training that diverged")

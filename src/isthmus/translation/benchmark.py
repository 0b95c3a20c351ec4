"""The translators of the many-to-many benchmark and of the self-defence, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, NamedTuple

from isthmus.translation.augcyclegan import AugCycleGan, AugCycleGanTerms
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.didd import Didd, DiddTerms
from isthmus.translation.drit import Drit, DritTerms
from isthmus.translation.munit import Munit, MunitTerms
from isthmus.translation.pix2pix import Pix2Pix, Pix2PixTerms
from isthmus.translation.rift import Rift, RiftTerms
from isthmus.translation.starganv2 import StarGanV2, StarGanV2Terms
from isthmus.translation.trainer import Training
from isthmus.translation.translator import LearnedTranslator
from isthmus.translation.unit import Unit, UnitTerms


class Method(NamedTuple):
    """A kind of translator, which takes sizes, terms and a seed, and the class of its terms."""

    kind: Callable[..., LearnedTranslator]
    terms: Callable[..., Any]


TRANSLATORS: Mapping[str, Method] = {
    "rift": Method(Rift, RiftTerms),
    "munit": Method(Munit, MunitTerms),
    "munitx": Method(Munit, MunitTerms),
    "cyclegan": Method(CycleGan, CycleGanTerms),
    "didd": Method(Didd, DiddTerms),
    "starganv2": Method(StarGanV2, StarGanV2Terms),
    "dritpp": Method(Drit, DritTerms),
    "augcyclegan": Method(AugCycleGan, AugCycleGanTerms),
    "rift-no-capacity": Method(Rift, RiftTerms),
    "rift-dishonest": Method(Rift, RiftTerms),
    "noise": Method(CycleGan, CycleGanTerms),
    "guess": Method(CycleGan, CycleGanTerms),
    "guess-noise": Method(CycleGan, CycleGanTerms),
    "guess-noise-unequal": Method(CycleGan, CycleGanTerms),
    "unit": Method(Unit, UnitTerms),
    "munit-cycle": Method(Munit, MunitTerms),
    "pix2pix": Method(Pix2Pix, Pix2PixTerms),
}
"""The methods by name; some differ in their weights alone."""


def build(
    name: str, shared: Mapping[str, Any], own: Mapping[str, Any], *, side: int, seed: int
) -> tuple[LearnedTranslator, Training]:
    """A translator, and how it is to be trained.

    Args:
        name: One of `TRANSLATORS`.
        shared: `networks` and `training` of all translators. A method takes the sizes it has.
        own: Its own `networks` and `training`, which go before those of all, and its weights.
        side: Height and width of the images.
        seed: Of the initial weights.

    Raises:
        InputError: A size or a number makes no sense.
    """
    return assemble(TRANSLATORS[name], shared, own, {"side": side}, seed=seed)


def assemble(
    method: Method,
    shared: Mapping[str, Any],
    own: Mapping[str, Any],
    images: Mapping[str, int],
    *,
    seed: int,
) -> tuple[LearnedTranslator, Training]:
    """A translator of a method, and how it is to be trained.

    Args:
        method: Its kind and its terms.
        shared: As for `build`.
        own: As for `build`.
        images: The `side` and what else the kind may take of the images, such as `channels`.
        seed: Of the initial weights.

    Raises:
        InputError: A size or a number makes no sense.
    """
    kind, terms = method
    weights = {key: value for key, value in own.items() if key not in ("networks", "training")}
    training = Training(**{**shared["training"], **own["training"]})
    sizes = _taken(kind, {**shared["networks"], **images}) | own["networks"]
    lengths = dict.fromkeys(("diversity_steps", "bits_steps"), training.steps)
    weights = _taken(terms, lengths) | weights
    return kind(**sizes, terms=terms(**weights), seed=seed), training


def _taken(by: Callable[..., Any], offered: Mapping[str, Any]) -> dict[str, Any]:
    """What of that which is offered has a place among the parameters."""
    return {name: value for name, value in offered.items() if name in signature(by).parameters}

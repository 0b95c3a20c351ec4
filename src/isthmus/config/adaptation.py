"""The schema of the adaptation benchmark: its sets, its adapters and their weights."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from isthmus.config.fields import (
    Section,
    count,
    number,
    sample_count,
    seed_count,
    step_count,
    step_size,
    weight,
)

DomainsName = Literal["typeset-digits", "rendered-objects"]
AdapterName = Literal[
    "source-only",
    "coral",
    "dan",
    "jan",
    "dann",
    "adda",
    "mcd",
    "self-ensembling",
    "dual",
    "lrmf",
    "oracle",
]
OpenAdapterName = Literal["source-only", "coral", "dan", "dann", "self-ensembling", "osbp"]


class DomainTraining(Section):
    """The network and the training, the same for all adapters of a set."""

    width: int = number("channels of the first convolution", "channels", ge=4, le=256)
    features: int = number("features before the classifier", "features", ge=2, le=4096)
    steps: int = step_count("training length")
    batch_size: int = count("images of each domain in a step", "images", least=2)
    learning_rate: float = step_size("Adam's step size at the start")


class DigitDomains(Section):
    """Typeset digits and two targets of handwritten ones."""

    seeds: int = seed_count("independent trainings of an adapter")
    source_size: int = sample_count("typeset digits to train with")
    source_test_size: int = sample_count("typeset digits to test with")
    known: int = number("known classes of the open set", "classes", ge=1, le=9)
    training: DomainTraining


class ObjectDomains(Section):
    """Rendered objects and two targets of pseudo-photographs."""

    seeds: int = seed_count("independent trainings of an adapter")
    source_size: int = sample_count("renders to train with")
    source_test_size: int = sample_count("renders to test with")
    target_size: int = sample_count("images of each target")
    known: int = number("known classes of the open set", "classes", ge=1, le=11)
    training: DomainTraining


class DomainSets(Section):
    """The sets: a synthetic source, a validation target, a test target."""

    typeset_digits: DigitDomains = Field(alias="typeset-digits")
    rendered_objects: ObjectDomains = Field(alias="rendered-objects")


class NoWeights(Section):
    """An adapter without settings."""


class Weighted(Section):
    """An adapter with one weight."""

    weight: float = weight("weight of the adaptation against the source's cross-entropy")


class Adda(Section):
    """ADDA."""

    rate: float = number("step size of the target's features against the rest", "1", gt=0, le=1)
    source_share: float = number("share of the steps on the source alone", "1", ge=0, le=1)


class SelfEnsembling(Section):
    """Self-ensembling."""

    balance: float = weight("weight of equal classes, as a share of the next")
    threshold: float = number("probability from which the teacher is sure", "1", ge=0, le=1)
    decay: float = number("decay of the teacher's average a step", "1", ge=0, le=1)
    weight: float = weight("weight of the agreement with the teacher")


class Adapters(Section):
    """Settings of the adapters, chosen on validation targets and the same for test targets."""

    source_only: NoWeights = Field(alias="source-only")
    coral: Weighted
    dan: Weighted
    jan: Weighted
    dann: Weighted
    adda: Adda
    mcd: Weighted
    self_ensembling: SelfEnsembling = Field(alias="self-ensembling")
    osbp: Weighted
    dual: Weighted
    lrmf: Weighted
    oracle: NoWeights


class Adaptation(Section):
    """The adaptation benchmark, after VisDA-2017 and Syn2Real."""

    domains: list[DomainsName] = Field(description="sets to run", min_length=1)
    adapters: list[AdapterName] = Field(
        description="adapters that are trained on each; the score needs `source-only` and `oracle`"
    )
    open_adapters: list[OpenAdapterName] = Field(
        description="adapters that are trained on its open set"
    )
    rejection: float = number(
        "probability below which a closed-set adapter says unknown", "1", ge=0, le=1
    )
    scorer_files: int = count("random files that try the scorer", "files")
    sets: DomainSets
    settings: Adapters

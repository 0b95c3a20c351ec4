from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest
import torch

from isthmus.config import Config, load
from isthmus.config.translation import TranslatorName
from isthmus.translation.benchmark import TRANSLATORS, build
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import LearnedTranslator

ROOT = Path(__file__).parents[2]
QUICK, SMOKE = load(ROOT, "quick"), load(ROOT, "smoke")
TOY = {"width": 4, "blocks": 1, "fold": 2, "groups": 4, "discriminator_width": 4, "levels": 2}


def made(
    name: str, config: Config = QUICK, **changes: dict[str, Any]
) -> tuple[LearnedTranslator, Training]:
    shared = config.value("translation")
    changed = {key: shared[key] | changes.get(key, {}) for key in ("networks", "training")}
    return build(name, changed, config.value(f"translator.{name}"), side=32, seed=0)


def test_every_name_has_a_method_and_settings() -> None:
    sections = QUICK.value("translator")
    assert set(TRANSLATORS) == set(get_args(TranslatorName)) == set(sections)


@pytest.mark.parametrize("name", TRANSLATORS)
@pytest.mark.parametrize(
    ("config", "networks"), [(QUICK, TOY), (QUICK, {}), (SMOKE, {})], ids=["toy", "quick", "smoke"]
)
def test_every_translator_takes_the_shared_sizes_and_trains(
    name: str, config: Config, networks: dict[str, int]
) -> None:
    translator, training = made(name, config, networks=networks, training={"batch_size": 2})
    images = torch.randint(0, 256, (2, 2, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    trainer = Trainer(translator, *images.byte(), training, seed=0)
    trainer.run(1)
    x = torch.zeros(2, 3, 32, 32)
    with torch.no_grad():
        assert trainer.averaged().eval().translate(x, "a2b", x).shape == x.shape
    own = config.value(f"translator.{name}")["networks"]
    expected = config.value("translation")["networks"] | networks | own
    taken = translator.config
    assert {size: taken[size] for size in taken if size in expected} == {
        size: expected[size] for size in expected if size in taken
    }
    assert {"width", *own} <= set(taken)


def test_a_methods_own_settings_go_before_those_of_all() -> None:
    _, training = made("augcyclegan", training={"steps": 7, "learning_rate": 0.3})
    assert (training.steps, training.history) == (7, 0)
    assert (training.learning_rate, training.discriminator_learning_rate) == (2e-4, 4e-5)
    assert made("munit", networks={"levels": 5})[0].config["levels"] == 2
    assert made("munit")[0].terms.cycle == 0 < made("munitx")[0].terms.cycle


def test_diversity_falls_over_the_whole_training() -> None:
    assert made("starganv2", training={"steps": 7})[0].terms.diversity_steps == 7


@pytest.mark.parametrize("scale", ["smoke", "quick", "full", "paper"])
@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("rift-no-capacity", {"capacity": 0.0, "embedding_noise": 0.0, "bits": None}),
        ("rift-dishonest", {"image_noise": 0.0, "guess": 0.0}),
    ],
)
def test_an_ablation_is_rift_without_a_part(
    scale: str, name: str, without: dict[str, float]
) -> None:
    config = load(ROOT, scale)
    assert config.value(f"translator.{name}") == config.value("translator.rift") | without


@pytest.mark.parametrize("scale", ["smoke", "quick", "full", "paper"])
def test_the_defences_are_one_cyclegan_with_terms_of_its_own(scale: str) -> None:
    config = load(ROOT, scale)

    def weights(name: str) -> dict[str, float]:
        own = config.value(f"translator.{name}")
        return {key: value for key, value in own.items() if key not in ("networks", "training")}

    plain, both = weights("cyclegan"), weights("guess-noise")
    assert plain["noise"] == plain["guess"] == 0 < min(both["noise"], both["guess"])
    for name in ("noise", "guess"):
        assert weights(name) == plain | {name: both[name]}
    assert both == plain | {name: both[name] for name in ("noise", "guess")}
    assert weights("guess-noise-unequal") == both | {"cycle_a": both["cycle_a"] / 2}

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.config import load
from isthmus.config.puppets import PuppeteerName, PuppetTask
from isthmus.translation.benchmark import assemble
from isthmus.translation.course import follow
from isthmus.translation.puppet_tasks import TASKS
from isthmus.translation.puppeteers import PUPPETEERS, binned, driven
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import LearnedTranslator

ROOT = Path(__file__).parents[2]
QUICK, SMOKE, PAPER = (load(ROOT, scale) for scale in ("quick", "smoke", "paper"))
SIDE = 32


def data(channels: int = 1) -> tuple[Tensor, Tensor, np.ndarray]:
    images = torch.randint(
        0, 256, (4, 4, channels, SIDE, SIDE), generator=torch.Generator().manual_seed(0)
    ).byte()
    return images[:, 0], images[:, 1:], np.linspace(-30, 30, 12).reshape(4, 3)


def made(name: str, config: Any = SMOKE, **images: int) -> tuple[LearnedTranslator, Training]:
    own = config.value(f"puppeteer.{name}")
    shape = {"side": SIDE, "channels": 1} | images
    return assemble(PUPPETEERS[name].method, config.value("puppetry"), own, shape, seed=0)


def test_every_name_has_a_method_and_settings() -> None:
    assert set(PUPPETEERS) == set(get_args(PuppeteerName)) == set(QUICK.value("puppeteer"))
    assert set(TASKS) == set(get_args(PuppetTask))


@pytest.mark.parametrize("name", PUPPETEERS)
@pytest.mark.parametrize("channels", [1, 3])
def test_every_puppeteer_trains_and_drives(name: str, channels: int) -> None:
    a, triplets, attributes = data(channels)
    puppeteer = PUPPETEERS[name]
    model, training = made(name, channels=channels)
    trainer = Trainer(model, a, puppeteer.lesson(triplets, attributes), training, seed=0)
    trainer.run(2)
    assert all(len(curve) == 2 for curve in trainer.curves.values())
    guides = triplets[:, :2]
    moved = driven(trainer.averaged(), puppeteer.drive, a[:3], guides)
    assert moved.shape == (3, *guides.shape)
    one = driven(trainer.averaged(), puppeteer.drive, a[2:3], guides[1:2])
    assert (moved[2:3, 1:2].int() - one.int()).abs().max() <= 1


@pytest.mark.parametrize("name", PUPPETEERS)
def test_every_puppeteer_can_be_built_at_paper(name: str) -> None:
    with torch.device("meta"):
        model, training = made(name, PAPER)
        a, b = torch.zeros(2, 1, SIDE, SIDE), torch.zeros(2, 3, 1, SIDE, SIDE)
    assert training.batch_size == 200
    with torch.device("meta"):
        moved = PUPPETEERS[name].drive(model, a, b[:, 0])
    assert moved.shape == a.shape


def test_cyclegan_does_not_see_the_real_image() -> None:
    a, triplets, _ = data()
    model, _ = made("cyclegan")
    moved = driven(model, PUPPETEERS["cyclegan"].drive, a, triplets)
    assert (moved == moved[:1]).all()
    other = driven(model, PUPPETEERS["puppetgan"].drive, a, triplets)
    assert (other != other[:1]).any()


@pytest.mark.parametrize(
    ("name", "without"),
    [
        ("cyclegan", {"disentanglement", "attribute_cycle_a", "attribute_cycle_b"}),
        ("puppetgan-no-attribute-cycle", {"attribute_cycle_a", "attribute_cycle_b"}),
        ("puppetgan-no-noise", {"noise"}),
        ("puppetgan-no-gan", {"gan"}),
        ("puppetgan-dagger", set()),
        ("puppetgan-separate", set()),
        ("puppetgan-short-code", set()),
    ],
)
@pytest.mark.parametrize("scale", ["smoke", "quick", "full", "paper"])
def test_a_variant_is_puppetgan_without_a_part(scale: str, name: str, without: set[str]) -> None:
    config = load(ROOT, scale)
    (model, training), (whole, same) = made(name, config), made("puppetgan", config)
    terms = asdict(whole.terms)
    assert all(terms.values())
    assert asdict(model.terms) == {k: 0 if k in without else v for k, v in terms.items()}
    assert training == same
    sizes = {k for k in whole.config if whole.config[k] != model.config[k]}
    of = {"puppetgan-separate": {"encoders"}, "puppetgan-short-code": {"attribute", "rest"}}
    assert sizes == of.get(name, set())


def test_bins_of_the_attribute_are_labels() -> None:
    _, triplets, attributes = data()
    lesson = binned(triplets, attributes)
    assert lesson.shape == (12, 2, SIDE, SIDE)
    assert torch.equal(lesson[:, 1:], triplets.flatten(0, 1))
    labels = lesson[:, 0, 0, 0].numpy()
    assert (labels[0], labels[-1]) == (0, 9)
    assert (np.diff(labels[np.argsort(attributes.ravel())].astype(int)) >= 0).all()


@pytest.mark.parametrize("name", ["puppetgan", "cycle-vae"])
def test_a_training_that_breaks_off_goes_on_bit_for_bit(name: str, tmp_path: Path) -> None:
    """Cycle-VAE has no adversary."""
    a, triplets, attributes = data()
    b = PUPPETEERS[name].lesson(triplets, attributes)

    def train(folder: Path, fatal: int | None) -> dict[int, list[Tensor]]:
        model, _ = made(name)
        trainer = Trainer(model, a, b, Training(6, batch_size=2, history=0), seed=3)

        def on_step(step: int, values: dict[str, float]) -> None:
            if step == fatal:
                raise KeyboardInterrupt

        def look(model: LearnedTranslator) -> list[Tensor]:
            return [parameter.detach() for parameter in model.generator_parameters()]

        return follow(trainer, [3, 6], look, folder, every=2, on_step=on_step)

    whole = train(tmp_path / "whole", None)
    with pytest.raises(KeyboardInterrupt):
        train(tmp_path / "broken", 4)
    again = train(tmp_path / "broken", None)
    for step in (3, 6):
        assert all(map(torch.equal, whole[step], again[step]))

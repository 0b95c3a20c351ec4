"""The scale `paper` cannot run here: its models are built and stepped twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from isthmus.alignment.lrmf import LRMF
from isthmus.config import load
from isthmus.densities import RealNVP, RealNVPDensity
from isthmus.embedding.vaegan import VaeGan, fit
from isthmus.translation.benchmark import build
from isthmus.translation.trainer import Trainer

PAPER = load(Path(__file__).parents[1], "paper")


def test_the_embedding_steps_twice():
    settings = PAPER.embed
    images = np.random.default_rng(0).random((8, 1, *[PAPER.data.image_size] * 2), np.float32)
    model = VaeGan(PAPER.data.image_size, settings.latent, settings.width, seed=0)
    before = [p.detach().clone() for p in model.parameters()]
    curves = fit(
        model,
        images,
        images,
        steps=2,
        batch_size=4,
        learning_rate=settings.learning_rate,
        kl_weight=settings.kl_weight,
        adversarial_weight=settings.adversarial_weight,
        seed=0,
    )
    assert all(np.isfinite(values).all() and len(values) == 2 for values in curves.values())
    assert any((p != q).any() for p, q in zip(model.parameters(), before, strict=True))


def test_the_alignment_of_usps_and_mnist_steps_twice():
    width, flow, shared = PAPER.embed.latent, PAPER.align, PAPER.prefit
    settings, private = flow["usps-mnist"], shared["usps-mnist"].realnvp
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 64, width, generator=generator)
    aligner = LRMF(
        RealNVPDensity(width, couplings=private.couplings, hidden=private.hidden),
        RealNVP(width, couplings=settings.couplings, hidden=settings.hidden),
        steps=2,
        batch_size=32,
        learning_rate=settings.learning_rate,
    ).fit(a, b)
    assert int(aligner.result_.steps) == 2
    assert torch.isfinite(aligner.transform(a)).all()
    assert not torch.equal(aligner.transform(a), a)


def translator(name: str, side: int):
    own = PAPER.value(f"translator.{name}")
    return build(name, PAPER.value("translation"), own, side=side, seed=0)


@pytest.mark.parametrize("name", PAPER.translators)
def test_every_translator_takes_images_of_the_published_size(name):
    side = PAPER.scenes.size
    with torch.device("meta"):
        model, _ = translator(name, side)
        images = torch.zeros(2, 3, side, side)
    model.check(images, images)
    assert model.translate(images, "b2a", images).shape == images.shape


@pytest.mark.parametrize("name", PAPER.defences)
def test_every_defence_takes_the_pairs_of_the_published_size(name):
    own = PAPER.value(f"translator.{name}")
    for described in PAPER.value("paired").values():
        side = described["size"]
        with torch.device("meta"):
            model, _ = build(name, PAPER.value("defence"), own, side=side, seed=0)
            images = torch.zeros(2, 3, side, side)
        model.check(images, images)
        assert model.translate(images, "a2b", images).shape == images.shape


@pytest.mark.parametrize("name", ["rift", "munitx", "cyclegan", "didd", "dritpp", "augcyclegan"])
def test_a_translator_steps_twice(name):
    """One of each network, with 1 or 2 images, at half the side where the networks take it."""
    side = PAPER.scenes.size // (2 if name in ("rift", "cyclegan", "augcyclegan") else 1)
    model, training = translator(name, side)
    training = replace(training, batch_size=min(training.batch_size, 2))
    images = np.random.default_rng(0).integers(256, size=(2, 4, 3, side, side), dtype=np.uint8)
    before = [p.detach().clone() for p in model.parameters()]
    trainer = Trainer(model, *torch.from_numpy(images), training, seed=0)
    trainer.run(2)
    assert all(np.isfinite(values).all() and len(values) == 2 for values in trainer.curves.values())
    moved = [bool((p != q).any()) for p, q in zip(model.parameters(), before, strict=True)]
    assert np.mean(moved) > 0.5


def test_starganv2_gives_every_parameter_a_gradient_twice():
    """Without numbers, which would take a minute: a wrong shape fails all the same."""
    side = PAPER.scenes.size
    with torch.device("meta"):
        model, training = translator("starganv2", side)
        a, b = torch.zeros(2, training.batch_size, 3, side, side)
    model.passes = torch.zeros((), dtype=torch.long)
    for _ in range(2):
        model.zero_grad()
        noise = torch.Generator()
        passed = model.generator_losses(a, b, noise)
        shown = {name: images.detach() for name, images in passed.translations.items()}
        losses = model.discriminator_losses(a, b, shown, {}, noise)
        torch.stack([*passed.losses.values(), *losses.values()]).sum().backward()
        assert all(p.grad.shape == p.shape for p in model.parameters())

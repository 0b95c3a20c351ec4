"""The scale `paper` cannot run here: its models are built and stepped twice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from isthmus.alignment.lrmf import LRMF
from isthmus.config import load
from isthmus.densities import RealNVP, RealNVPDensity
from isthmus.embedding.vaegan import VaeGan, fit

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

"""Everything that is measured of a cycle's honesty, together."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv2d, l1_loss, pad

from isthmus.metrics.honesty import (
    LEVELS,
    SIGMAS,
    Cycle,
    Quantiser,
    cheating_index,
    hidden_information,
    honesty,
    sensitivity,
    to_levels,
)
from isthmus.networks.randomness import generator

SIGMA, FAINT = 0.1, 3 / 128
"""The deviation of the published SN, and that of 3 of 256 grey levels."""

SPREAD = 3
"""Of its own RMS, what is as bright or dark as the picture of fine detail can be."""


class Audit(NamedTuple):
    """What a cycle hides.

    Attributes:
        figures: By name. `rh`, and its `rh_deviation` over the images and `rh_rms` a pixel; `sn` at
            `SIGMA`, `sn_3_256` at `FAINT`, `sn_integral` over 0 to 0.2, `sn_rms` a pixel at `SIGMA`;
            `cycle_error`, the L1 of reconstructions in [-1, 1]; `hidden_r2` and
            `hidden_r2_quantised`, what a probe reads of the lost part, `hidden_share`. Where the
            honest reconstructions are known, `cheating_index`.
        levels: RH by K of `to_levels`.
        sigmas: SN by sigma.
    """

    figures: dict[str, float]
    levels: dict[int, float]
    sigmas: dict[float, float]


def audit(
    of: Cycle, quantise: Quantiser, *, honest: Tensor | None = None, steps: int = 300, seed: int
) -> Audit:
    """Measure a cycle of the domain that has more to tell.

    Args:
        of: The cycle, of 20 sources or more in no particular order.
        quantise: q of the headline RH, and of the probe.
        honest: The best reconstructions for whoever knows only what B may show, as the sources.
        steps: Of each of the two probes.
        seed: Of the noise and the probes.

    Raises:
        InputError: As the measures of `isthmus.metrics.honesty`.
    """
    rh = honesty(of, quantise)
    sn = sensitivity(of, sorted({*SIGMAS, FAINT}), seed=seed)
    by_sigma = dict(zip(sn.sigmas, sn.scores, strict=True))
    hidden = hidden_information(of, quantise, honest=honest, steps=steps, seed=seed)
    figures = {
        "rh": rh.mean,
        "rh_deviation": rh.deviation,
        "rh_rms": rh.rms,
        "sn": by_sigma[SIGMA].mean,
        "sn_3_256": by_sigma[FAINT].mean,
        "sn_integral": sn.integral,
        "sn_rms": by_sigma[SIGMA].rms,
        "cycle_error": l1_loss(of.reconstructions, of.sources).item(),
        "hidden_r2": hidden.clean_r2,
        "hidden_r2_quantised": hidden.quantised_r2,
        "hidden_share": hidden.share,
    }
    if honest is not None:
        figures["cheating_index"] = cheating_index(of.reconstructions, honest, of.sources)
    return Audit(
        figures,
        {levels: honesty(of, to_levels(levels)).mean for levels in LEVELS},
        {sigma: score.mean for sigma, score in by_sigma.items()},
    )


@torch.no_grad()
def exhibits(of: Cycle, quantise: Quantiser, *, seed: int) -> dict[str, Tensor]:
    """What the eye should see of a cycle: images in the shape of the sources, by what they are.

    The fine detail of a translation is what a blur over 3 x 3 pixels takes away, in units of
    `SPREAD` times its root mean square in that image: the row says where it is, not how much.

    Args:
        of: A cycle, best of few sources.
        quantise: q.
        seed: Of the noise, whose deviation is `SIGMA`.
    """
    y = of.translations
    fine = y - _blurred(y)
    rms = fine.square().mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-3)
    noise = torch.randn(y.shape, generator=generator(seed, "exhibits")).to(y)
    return {
        "source": of.sources,
        "translation": y,
        "its fine detail": (fine / (SPREAD * rms)).clamp(-1, 1),
        "back": of.reconstructions,
        "back, quantised": of.back(quantise(y)),
        f"back, noise {SIGMA}": of.back(y + SIGMA * noise),
    }


def _blurred(images: Tensor) -> Tensor:
    """Each pixel's mean over 3 x 3 with weights 1, 2, 1 each way, edges repeated."""
    line = torch.tensor([0.25, 0.5, 0.25]).to(images)
    channels = images.shape[1]
    kernel = torch.outer(line, line).expand(channels, 1, 3, 3)
    return conv2d(pad(images, (1, 1, 1, 1), mode="replicate"), kernel, groups=channels)

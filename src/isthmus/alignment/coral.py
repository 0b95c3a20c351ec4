"""CORAL (Sun, Feng, Saenko 2016) and the Deep CORAL loss (Sun, Saenko 2016)."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from isthmus.densities import Affine
from isthmus.densities.samples import as_samples, same_width
from isthmus.errors import InputError


def coral(a: Any, b: Any, *, ridge: float = 1e-6, match_means: bool = False) -> Affine:
    """The linear map that whitens A and recolours it like B.

        M = (C_B + ridge I)^(1/2) (C_A + ridge I)^(-1/2)

    As published, the map is x -> M x about the origin, with ridge 1: it matches covariances and
    says nothing of means, so centre both sets first, or ask for `match_means`, which adds the
    translation t = mean(B) - M mean(A).

    Args:
        a: Samples of A, of shape `(N_A, D)`.
        b: Samples of B, of shape `(N_B, D)`.
        ridge: Added to the variances, in squared units of the features.
        match_means: Whether the image of A takes the mean of B.

    Returns:
        A float64 affine flow.

    Raises:
        InputError: The samples cannot be used, their widths differ, or the ridge is negative.
    """
    a, b = as_samples(a, "a").double(), as_samples(b, "b").double()
    width = same_width(a, b)
    if ridge < 0:
        raise InputError("ridge", f"{ridge} is negative", mend="give a number from 0 up")
    eye = torch.eye(width, dtype=torch.float64)
    matrix = _power(b.mT.cov() + ridge * eye, 0.5) @ _power(a.mT.cov() + ridge * eye, -0.5)
    flow = Affine(width).double()
    with torch.no_grad():
        flow.matrix.copy_(matrix)
        if match_means:
            flow.translation.copy_(b.mean(0) - matrix @ a.mean(0))
    return flow


def coral_distance(a: Tensor, b: Tensor) -> Tensor:
    """The Deep CORAL loss |C_A - C_B|_F^2 / (4 D^2), covariances over N - 1.

    Zero where the covariances agree, blind to means, differentiable in both arguments.

    Args:
        a: Samples of A, of shape `(N_A, D)`.
        b: Samples of B, of shape `(N_B, D)`.
    """
    return (_covariance(a) - _covariance(b)).square().sum() / (4 * a.shape[-1] ** 2)


def _covariance(x: Tensor) -> Tensor:
    centred = x - x.mean(-2, keepdim=True)
    return centred.mT @ centred / (x.shape[-2] - 1)


def _power(covariance: Tensor, exponent: float) -> Tensor:
    """A power of a symmetric positive definite matrix.

    Raises:
        InputError: It is singular.
    """
    values, vectors = torch.linalg.eigh(covariance)
    if values[0] <= values[-1] * 1e-14:
        raise InputError(
            "ridge",
            "is too small for covariances that are singular to working precision",
            mend="raise it, or drop linearly dependent features",
        )
    return (vectors * values**exponent) @ vectors.mT

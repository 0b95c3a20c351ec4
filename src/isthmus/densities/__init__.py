"""Tractable densities and flows, in the interface of zuko, each trainable as an ensemble of seeds.

A density is an `nn.Module` whose call returns a law with `log_prob(x)` and `sample(shape)`; a flow
is an `nn.Module` whose call returns a map with `__call__`, `call_and_ladj(x)` and `.inv`. With
`batch_shape=(E,)` one module holds E independent members, one for each seed: points have the shape
`(E, N, D)` (or `(N, D)`, shared by all members) and log densities the shape `(E, N)`. A module
without an attribute `batch_shape`, such as those of zuko, is a single model.
"""

from isthmus.densities.affine import Affine, AffineMap
from isthmus.densities.fit import FitResult, fit
from isthmus.densities.gaussian import Gaussian
from isthmus.densities.interface import Bijection, Composed, Law
from isthmus.densities.mixture import GaussianMixture
from isthmus.densities.realnvp import RealNVP, RealNVPDensity

__all__ = [
    "Affine",
    "AffineMap",
    "Bijection",
    "Composed",
    "FitResult",
    "Gaussian",
    "GaussianMixture",
    "Law",
    "RealNVP",
    "RealNVPDensity",
    "fit",
]

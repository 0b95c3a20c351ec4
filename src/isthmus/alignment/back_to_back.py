"""F o G^-1: to the latents by the private flow of A, back to points by that of B."""

from __future__ import annotations

from typing import Any

from torch import nn

from isthmus.densities import Composed


class BackToBack(nn.Module):
    """The flow T = f_B^-1 o f_A of two private densities that share a base law.

    The maximum-likelihood form of AlignFlow (Grover et al. 2020), the baseline "F o G^-1" of Usman
    et al. 2020. T(A) follows the law of B as far as both densities fit; nothing ties a point to
    its image, so structure may be scrambled. Exactly cycle consistent.

    Args:
        private_a: Density of A with an attribute `transform`, a flow from points to latents:
            `RealNVPDensity`, or a flow of zuko.
        private_b: The same for B, with the same base law.
    """

    def __init__(self, private_a: nn.Module, private_b: nn.Module) -> None:
        super().__init__()
        self.to_latent: Any = private_a.transform
        self.from_latent: Any = private_b.transform

    def forward(self) -> Composed:
        """The map with the present weights of both densities."""
        return Composed(self.to_latent(), self.from_latent().inv)

"""The certificate of an alignment: the LRMF loss on held-out samples against its known zero."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

ROUNDING = 1e-6
"""What float32 makes of an exact zero, in nats."""


@dataclass(frozen=True)
class Certificate:
    """The LRMF loss L on held-out samples. Its known zero means: aligned.

    Attributes:
        value: L in nats.
        error: Standard error of `value` in nats, from the scatter of the held-out samples.
        batches: L in nats on each of several disjoint parts of the held-out samples.
        tolerance: Largest |L| in nats that counts as zero for the user's purpose.
    """

    value: float
    error: float
    batches: tuple[float, ...]
    tolerance: float

    @property
    def zero_inside(self) -> bool:
        """Whether 0 lies within two standard errors of the value, rounding aside."""
        return abs(self.value) <= 2 * self.error + ROUNDING

    @property
    def within_tolerance(self) -> bool:
        """Whether |value| is at most the tolerance."""
        return abs(self.value) <= self.tolerance

    def __str__(self) -> str:
        """One sentence for a human reader."""
        if self.within_tolerance:
            verdict = "aligned"
        elif self.value < 0:
            verdict = "undecided, the private densities fit worse than the shared one"
        else:
            verdict = "not aligned"
        return (
            f"{verdict}: L = {self.value:+.4f} ± {self.error:.4f} nats on held-out samples, "
            f"{'within' if self.within_tolerance else 'beyond'} the tolerance of "
            f"{self.tolerance:g}; zero is {'inside' if self.zero_inside else 'outside'} ±2 s.e."
        )


@torch.no_grad()
def certify(
    flow: nn.Module,
    shared: nn.Module,
    private: tuple[nn.Module, nn.Module],
    a: Tensor,
    b: Tensor,
    *,
    tolerance: float = 0.1,
    batches: int = 10,
) -> tuple[Certificate, ...]:
    """The LRMF loss on samples that no model has seen, as a paired difference.

        L = mean_A [log P_A(a) - log |det dT(a)| - log S(T(a))] + mean_B [log P_B(b) - log S(b)]

    The private and the shared log density are taken at the same points, so what is common to both
    cancels, and the standard error sqrt(var_A / n_A + var_B / n_B) is that of the differences. It
    holds the models fixed: it does not contain the scatter from one training to the next.

    Args:
        flow: T.
        shared: S.
        private: P_A and P_B.
        a: Held-out samples of A, of shape `(*members, N_A, D)` or `(N_A, D)`.
        b: Held-out samples of B, of shape `(*members, N_B, D)` or `(N_B, D)`.
        tolerance: Largest |L| in nats that counts as zero.
        batches: Number of disjoint parts of the samples on which L is reported as well.

    Returns:
        One certificate for each member, in order; one in all where there is no ensemble.
    """
    law = shared()
    moved, ladj = flow().call_and_ladj(a)
    excess_a = private[0]().log_prob(a) - ladj - law.log_prob(moved)
    excess_b = private[1]().log_prob(b) - law.log_prob(b)
    value = excess_a.mean(-1) + excess_b.mean(-1)
    error = (excess_a.var(-1) / a.shape[-2] + excess_b.var(-1) / b.shape[-2]).sqrt()
    parts = min(batches, a.shape[-2], b.shape[-2])
    by_batch = torch.stack(
        [
            part_a.mean(-1) + part_b.mean(-1)
            for part_a, part_b in zip(
                excess_a.tensor_split(parts, -1), excess_b.tensor_split(parts, -1), strict=True
            )
        ],
        -1,
    )
    return tuple(
        Certificate(v, e, tuple(by), tolerance)
        for v, e, by in zip(
            value.reshape(-1).tolist(),
            error.reshape(-1).tolist(),
            by_batch.reshape(-1, parts).tolist(),
            strict=True,
        )
    )

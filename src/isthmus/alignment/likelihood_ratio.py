"""The likelihood-ratio distance of definition 2.1 for any family, and what its densities give."""

from __future__ import annotations

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from isthmus.alignment.lrmf import lr_constant
from isthmus.densities.fit import fit
from isthmus.densities.interface import Law, per_member
from isthmus.densities.samples import as_samples, same_width
from isthmus.errors import InputError


def lr_distance(a: Any, b: Any, density: nn.Module, **training: Any) -> Tensor:
    """Log-likelihood-ratio distance of two samples within a family of densities.

        d = max_s mean_A log P_s(a) + max_t mean_B log P_t(b)
            - max_u [mean_A log P_u(a) + mean_B log P_u(b)],

    definition 2.1 of Usman et al. 2020: two private members of the family against one shared by
    both samples. By lemma 2.1 d >= 0, with d = 0 if one member is best for both. The private
    members start from the shared one, so that a local search cannot leave them behind it. A value,
    not a loss: it comes without gradient.

    Args:
        a: Samples of A, of shape `(N, D)`, or `(E, N, D)` for an ensemble.
        b: Samples of B, likewise, and as many.
        density: The family: a member of it before training, copied. One with a method `fit(x)`
            is fitted by it, any other by Adam.
        training: Of `isthmus.densities.fit`, for a family without a method `fit`.

    Returns:
        d in nats, of shape `members`.

    Raises:
        InputError: Samples cannot be used, or A and B differ in width or in number.
    """
    members = torch.Size(getattr(density, "batch_shape", ()))
    a, b = as_samples(a, "a", members), as_samples(b, "b", members)
    same_width(a, b)
    if a.shape[-2] != b.shape[-2]:
        raise InputError(
            "b",
            f"has {b.shape[-2]} samples where a has {a.shape[-2]}, so a pooled fit would not "
            "weigh both alike",
            mend="give as many samples of B as of A",
        )
    pooled = torch.cat([per_member(x, members) for x in (a, b)], -2)
    shared = _fitted(density, pooled, training)
    private = _fitted(shared, a, training), _fitted(shared, b, training)
    with torch.no_grad():
        return lr_constant(*private, a, b) - lr_constant(shared, shared, a, b)


def _fitted(start: nn.Module, x: Tensor, training: dict[str, Any]) -> nn.Module:
    """The member of the family that is likeliest for `x`."""
    density = copy.deepcopy(start)
    own = getattr(density, "fit", None)
    if own is None:
        fit(density, x, held_out=x, **training)
    else:
        own(x)
    return density


def bayes_classifier(law_a: Law, law_b: Law, x: Tensor) -> Tensor:
    """The optimal domain classifier in closed form, special case 3 of Usman et al. 2020.

        D*(x) = P(x | theta_AT) / (P(x | theta_AT) + P(x | theta_B)),

    the probability that x is from T(A) rather than from B, both being equally frequent: the
    maximum over all D of `gan_value`. Differentiable in `x` and in the parameters of both laws.

    Args:
        law_a: The density of T(A).
        law_b: The density of B.
        x: Points of shape `(*members, N, D)`.

    Returns:
        Probabilities in [0, 1], of shape `(*members, N)`.
    """
    return (law_a.log_prob(x) - law_b.log_prob(x)).sigmoid()


def gan_value(logits_a: Tensor, logits_b: Tensor) -> Tensor:
    """The value of the GAN game, mean_A log D(a) + mean_B log(1 - D(b)), D = sigmoid(logit).

    Its maximum over D is 2 JSD(A, B) - 2 log 2 (Goodfellow et al. 2014, theorem 1). Differentiable
    in the logits.

    Args:
        logits_a: Logits of D on samples of A, of shape `(*members, N_A)`.
        logits_b: Logits of D on samples of B, of shape `(*members, N_B)`.

    Returns:
        The value in nats, at most 0, of shape `members`.
    """
    return logsigmoid(logits_a).mean(-1) + logsigmoid(-logits_b).mean(-1)


def jensen_shannon(law_a: Law, law_b: Law, a: Tensor, b: Tensor) -> Tensor:
    """Jensen-Shannon divergence of two laws by Monte Carlo.

        JSD = KL(A | M) / 2 + KL(B | M) / 2,   M = (A + B) / 2,

    in the form log 2 + (mean_A log D*(a) + mean_B log(1 - D*(b))) / 2 with the Bayes classifier D*,
    which is stable where the laws do not overlap. Where the samples are an exact enumeration of a
    discrete law, so is the divergence. Differentiable in the parameters of both laws for fixed
    samples.

    Args:
        law_a: A.
        law_b: B.
        a: Samples of A, of shape `(*members, N_A, D)`.
        b: Samples of B, of shape `(*members, N_B, D)`.

    Returns:
        JSD in nats, of shape `members`: in [0, log 2] up to the sampling error.
    """
    logits = (law_a.log_prob(x) - law_b.log_prob(x) for x in (a, b))
    return math.log(2) + gan_value(*logits) / 2

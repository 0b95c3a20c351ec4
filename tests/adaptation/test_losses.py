"""Losses of the adapters: closed forms and invariants."""

from __future__ import annotations

from math import log

import pytest
import torch
from torch import nn

from isthmus.adaptation.adversarial import reverse
from isthmus.adaptation.discrepancy import discrepancy
from isthmus.adaptation.ensembling import consistency, imbalance
from isthmus.adaptation.moments import Coral, Dan, Dual, Jan, Lrmf, joint_mmd
from isthmus.adaptation.network import Network, frozen
from isthmus.adaptation.open_set import boundary, reject
from isthmus.alignment.mmd import median_width, squared_mmd


def draw(*shape, shift=0.0, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed)) + shift


def layers(shift=0.0, seed=0):
    return [draw(30, 6, shift=shift, seed=seed), draw(30, 4, shift=shift, seed=seed + 1)]


@pytest.mark.parametrize("kind", [Coral, Dan, Jan, Dual, Lrmf])
def test_a_distance_is_zero_for_the_same_features_and_grows_with_another_law(kind):
    adapter = kind(Network((8, 8, 1), 4, width=4, size=6, seed=0), weight=1.0)
    a, far = layers(), [3 * each for each in layers(shift=2.0, seed=5)]
    assert adapter.distance(a, a).item() == pytest.approx(0, abs=1e-5)
    assert adapter.distance(a, far).item() > 10 * abs(adapter.distance(a, layers(seed=9)).item())


@pytest.mark.parametrize("kind", [Coral, Dan, Jan, Dual, Lrmf])
def test_descending_on_a_distance_brings_features_together(kind):
    adapter = kind(Network((8, 8, 1), 4, width=4, size=6, seed=0), weight=1.0)
    a, b = layers(), [each.requires_grad_() for each in layers(shift=1.0, seed=5)]
    before = adapter.distance(a, b)
    gradients = torch.autograd.grad(before, b, allow_unused=True)
    size = sum(g.square().sum() for g in gradients if g is not None)
    step = 0.1 * before.item() / size
    moved = [x if g is None else (x - step * g) for x, g in zip(b, gradients, strict=True)]
    assert adapter.distance(a, moved) < before


def test_the_joint_mmd_of_one_layer_is_the_mmd():
    a, b = draw(20, 3), draw(25, 3, shift=0.7, seed=1)
    expected = squared_mmd(a, b, width=median_width(a, b))
    assert joint_mmd([a], [b]).item() == pytest.approx(expected.item(), abs=1e-6)


def test_the_joint_mmd_sees_a_dependence_that_each_layer_alone_does_not():
    x = draw(200, 1)
    together, apart = [x, x.clone()], [x, x[torch.randperm(200)]]
    assert joint_mmd([x], [apart[1]]).item() == pytest.approx(0, abs=1e-6)
    assert joint_mmd(together, apart).item() > 0.01


def test_the_gaussian_distance_does_not_shrink_with_the_features():
    adapter = Lrmf(Network((8, 8, 1), 4, width=4, size=6, seed=0), weight=1.0)
    a, b = layers(), layers(shift=1.0, seed=5)
    small = adapter.distance([10 * x for x in a], [10 * x for x in b])
    assert small.item() == pytest.approx(adapter.distance(a, b).item(), rel=0.02)


def test_reversal_keeps_values_and_turns_gradients():
    x = draw(5).requires_grad_()
    y = reverse(x, 0.3)
    assert torch.equal(x, y)
    y.sum().backward()
    assert x.grad == pytest.approx(torch.full((5,), -0.3))


def test_a_frozen_module_passes_gradients_and_takes_none():
    module, x = nn.Linear(3, 1), draw(4, 3).requires_grad_()
    assert torch.equal(frozen(module, x), module(x))
    frozen(module, x).sum().backward()
    assert x.grad.abs().sum() > 0
    assert module.weight.grad is None


def test_two_classifiers_that_are_sure_and_differ_are_as_far_apart_as_can_be():
    a, b = torch.tensor([[50.0, 0, 0]]), torch.tensor([[0, 50.0, 0]])
    assert discrepancy(a, b).item() == pytest.approx(2 / 3)
    assert discrepancy(a, a).item() == 0


def test_consistency_counts_only_what_the_teacher_is_sure_of():
    teacher = torch.tensor([[9.0, 0, 0], [0.1, 0, 0]])
    student = torch.tensor([[0.0, 9, 0], [0, 9, 0]])
    sure = consistency(student[:1], teacher[:1], 0.9)
    assert consistency(student, teacher, 0.9).item() == pytest.approx(sure.item() / 2)
    assert consistency(student, student, 0.0).item() == 0


def test_imbalance_is_zero_for_equal_classes_only():
    assert imbalance(20 * torch.eye(4)).item() == pytest.approx(0, abs=1e-6)
    assert imbalance(torch.tensor([[5.0, 0, 0]])).item() > 0.5


def test_the_boundary_is_least_at_one_half():
    even = torch.tensor([[log(0.25), log(0.25), log(0.5)]])
    assert boundary(even).item() == pytest.approx(log(2))
    logits = even.clone().requires_grad_()
    boundary(logits).backward()
    assert logits.grad.abs().max() < 1e-6
    assert boundary(draw(50, 3)).item() > log(2)


def test_rejection_says_unknown_where_no_class_is_sure():
    logits = torch.tensor([[9.0, 0], [0.1, 0], [0, 9.0]])
    assert reject(logits, 0.9).tolist() == [0, 2, 1]
    assert reject(logits, 0.0).tolist() == [0, 0, 1]
    assert reject(logits, 1.0).tolist() == [2, 2, 2]

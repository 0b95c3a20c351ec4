"""S2: invariants of the networks, and that training at toy size learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from isthmus.config import load as load_config
from isthmus.data.view_noise import rig
from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.pose import trial
from isthmus.pose.learned import Optimiser, Training, Variant, solve, train
from isthmus.pose.networks import INPUTS, Equivariant, Views, features
from isthmus.pose.state import State

ROOT = Path(__file__).parents[2]
TINY = Training(
    width=16, blocks=2, epochs=3, batch_size=32, learning_rate=1e-3, stages=1, attempts=1
)


@pytest.fixture(scope="module")
def frames():
    return rig("rig", 400, test=False, seed=0)


def loud(network):
    """The network with last layers that do something, as after training."""
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(
                0.1 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(1))
            )
    return network.double()


def test_a_view_is_described_by_369_numbers(frames):
    few = frames.take(range(2))
    described = features(trial.start(few), Views(torch.from_numpy(few.mixtures)), 0)
    assert described.shape == (2, 4, 369)
    sizes = {"pose": 51, "cameras": 10, "heatmaps": 272, "projections": 34, "loss": 2}
    for name in INPUTS:
        fewer = features(trial.start(few), Views(torch.from_numpy(few.mixtures)), 0, (name,))
        assert fewer.shape[-1] == 369 - sizes[name]


@pytest.mark.parametrize("views", [2, 3, 4])
def test_permuted_views_have_permuted_updates_and_the_same_pose(frames, views):
    few = trial.first_cameras(frames, views).take(range(5))
    described = features(trial.start(few), Views(torch.from_numpy(few.mixtures)), 0)
    network = loud(Equivariant(369, 17, 32, 2))
    network.standard.fit(described)
    order = [0, *np.random.default_rng(0).permutation(range(1, views))]
    pose, cameras = network(described)
    mixed_pose, mixed_cameras = network(described[:, order])
    assert pose.abs().max() > 1e-3
    assert torch.allclose(pose, mixed_pose, atol=1e-9)
    assert torch.allclose(cameras[:, order], mixed_cameras, atol=1e-9)


def test_equal_views_give_finite_gradients():
    network = Equivariant(6, 3, 8, 1, seed=0)
    described = torch.ones(4, 2, 6)
    pose, cameras = network(described)
    (pose.sum() + cameras.sum()).backward()
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)


def test_an_untrained_stage_changes_nothing(frames):
    few = frames.take(range(3))
    begun, seen = State(*map(trial.single, trial.start(few))), trial.given(few, Variant())
    done = solve([Equivariant(369, 17, 16, 2, seed=3)], begun, seen)
    assert torch.equal(done.pose, begun.pose)


@pytest.mark.parametrize("name", [*trial.ABLATIONS, "plain"])
def test_every_variant_trains_and_solves(frames, name):
    variant = trial.ABLATIONS.get(name, Variant())
    few = trial.first_cameras(frames, 3)
    trained = trial.learn(few, variant, TINY, seed=0)
    assert len(trained.stages) == 1
    assert np.isfinite(trained.curve).all()
    solved, oracle = trial.learned(trained, few, variant)
    for each in (solved, oracle):
        assert np.isfinite(each.pose).all()


def test_training_on_labels_brings_projections_to_them_and_stages_only_help(frames):
    few = trial.first_cameras(frames, 2)
    two = Training(**{**vars(TINY), "epochs": 15, "stages": 2, "attempts": 1})
    lesson = trial.lesson(few, Variant())
    trained = train(lesson, Variant(), two, seed=0)
    done = solve(trained.stages, lesson.start, lesson.seen)
    before, after = (
        float((s.project() - lesson.labels).square().mean()) for s in (lesson.start, done)
    )
    assert after < 0.9 * before
    assert trained.oracle == trained.stages


def test_an_earlier_stage_stays_as_it_is_while_a_later_one_trains(frames):
    lesson = trial.lesson(trial.first_cameras(frames, 2), Variant())
    one, two = (
        train(lesson, Variant(), Training(**{**vars(TINY), "stages": stages}), seed=0)
        for stages in (1, 2)
    )
    assert len(two.curve) > len(one.curve)
    after = two.stages[0].state_dict()
    assert all(torch.equal(after[key], value) for key, value in one.stages[0].state_dict().items())


def test_the_judge_chooses_the_oracle_alone(frames):
    few = trial.first_cameras(frames, 2)
    lesson = trial.lesson(few, Variant())
    plain = train(lesson, Variant(), TINY, seed=0)
    calls = iter(range(100))
    judged = train(lesson, Variant(), TINY, seed=0, judge=lambda _: next(calls))
    for a, b in zip(plain.stages[0].parameters(), judged.stages[0].parameters(), strict=True):
        assert torch.equal(a, b)
    first = judged.oracle[0].state_dict()
    assert any(not torch.equal(first[k], v) for k, v in judged.stages[0].state_dict().items())


def test_a_stored_optimiser_solves_as_before(frames, tmp_path):
    few = trial.first_cameras(frames, 2)
    trained = trial.learn(few, Variant(), TINY, seed=0)
    save(Optimiser.of(trained.stages), tmp_path)
    begun, seen = State(*map(trial.single, trial.start(few))), trial.given(few, Variant())
    again = solve(load(Optimiser, tmp_path).stages, begun, seen)
    assert torch.equal(again.pose, solve(trained.stages, begun, seen).pose)


def test_shuffling_keeps_the_first_view_and_the_pose(frames):
    few = frames.take(range(10))
    mixed = trial.shuffled(few, 0)
    assert (mixed.labels[:, 0] == few.labels[:, 0]).all()
    assert not (mixed.labels == few.labels).all()
    assert np.sort(mixed.labels, 1) == pytest.approx(np.sort(few.labels, 1))


def test_too_few_frames_are_refused(frames):
    with pytest.raises(InputError, match="frames"):
        trial.learn(frames.take(range(100)), Variant(), TINY, seed=0)


def test_the_flat_network_is_not_equivariant_and_is_shuffled(frames):
    few = trial.first_cameras(frames, 3)
    trained = trial.learn(few, trial.ABLATIONS["flat"], TINY, seed=0)
    described = features(
        State(*map(trial.single, trial.start(few))), trial.given(few, Variant()), 0
    )
    pose, _ = trained.stages[0](described)
    mixed, _ = trained.stages[0](described[:, [0, 2, 1]])
    assert not torch.allclose(pose, mixed, atol=1e-6)


def test_the_published_sizes_are_three_million_weights_and_step(frames):
    solver = load_config(ROOT, "paper").pose.solver
    network = Equivariant(369, 17, solver.width, solver.blocks)
    assert sum(p.numel() for p in network.parameters()) == pytest.approx(2.99e6, rel=0.02)
    short = {**solver.model_dump(), "epochs": 1, "stages": 1, "attempts": 1}
    few = trial.first_cameras(frames, 2).take(range(140))
    trained = trial.learn(few, Variant(), Training(**short), seed=0)
    assert np.isfinite(trained.curve).all()

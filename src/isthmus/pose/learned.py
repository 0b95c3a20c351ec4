"""S2: neural bundle adjustment, a learned optimiser of a few stages (MetaPose, section 3).

`y_{i+1} = y_i + f_i(g, y_i, pi(y_i), L_ref(y_i), i)`. Stages are trained greedily: only the newest
learns, from what the earlier ones leave. Epochs and stages are chosen by the likelihood of held-out
frames' heat-maps, never by a 3-D pose; what 3-D poses would have chosen comes beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Literal, NamedTuple, Self, cast

import torch
from torch import Tensor, nn

from isthmus.errors import InputError
from isthmus.networks.randomness import batches, generator
from isthmus.pose.likelihood import negative_log_likelihood
from isthmus.pose.limbs import limb_error
from isthmus.pose.networks import Equivariant, Flat, Views, features
from isthmus.pose.state import State
from isthmus.seeding import derive

Supervision = Literal["labels", "likelihood", "teacher"]
HELD_OUT = 64
"""Training frames held out for the choice of epochs and stages, at least."""
LARGEST_SCALE = 10.0
"""A teacher whose cameras are larger than this times the first has collapsed and is left out."""


@dataclass(frozen=True)
class Variant:
    """What is trained.

    Attributes:
        supervision: By 2-D joints (the method), by the heat-maps' likelihood alone, or by the
            solutions of the iterative refinement.
        without: Inputs left out, of `networks.INPUTS`.
        flat: Whether the network is the flat one; views are shuffled then.
        limbs: Whether the subjects' limb ratios are an input and a loss.
    """

    supervision: Supervision = "labels"
    without: tuple[str, ...] = ()
    flat: bool = False
    limbs: bool = False


@dataclass(frozen=True)
class Training:
    """How it is trained.

    Attributes:
        width: Of the layers.
        blocks: Pairs of layers, see `Equivariant`.
        epochs: Passes of a stage over the frames.
        batch_size: Frames in a step.
        learning_rate: Adam's, falling to 0 as a cosine.
        stages: Most stages.
        attempts: Trainings of a stage, until one improves the likelihood.
    """

    width: int
    blocks: int
    epochs: int
    batch_size: int
    learning_rate: float
    stages: int
    attempts: int


class Lesson(NamedTuple):
    """Frames to learn from.

    Attributes:
        start: S1's solutions.
        seen: Heat-maps, and limb ratios where the variant takes them.
        labels: True 2-D joints, `(n, C, J, 2)`, box units; None where the likelihood teaches.
        teacher: Solutions of the refinement; None where it does not teach.
    """

    start: State
    seen: Views
    labels: Tensor | None = None
    teacher: State | None = None

    def take(self, rows: Tensor | slice) -> Lesson:
        """These frames."""
        return Lesson(
            self.start.take(rows),
            self.seen.take(rows),
            None if self.labels is None else self.labels[rows],
            None if self.teacher is None else self.teacher.take(rows),
        )


class Optimiser(nn.Module):
    """Trained equivariant stages in one model that can be stored."""

    def __init__(self, size: int, joints: int, width: int, blocks: int, stages: int) -> None:
        super().__init__()
        self.config = {"size": size, "joints": joints, "width": width, "blocks": blocks}
        self.stages = nn.ModuleList(Equivariant(size, joints, width, blocks) for _ in range(stages))
        self.config |= {"stages": stages}

    @classmethod
    def of(cls, stages: Sequence[nn.Module]) -> Self:
        """The model of these stages, which must be equivariant."""
        model = cls(**cast(Equivariant, stages[0]).config, stages=len(stages))
        for own, trained in zip(model.stages, stages, strict=True):
            own.load_state_dict(trained.state_dict())
        return model


@torch.no_grad()
def solve(
    stages: Iterable[nn.Module], start: State, seen: Views, without: tuple[str, ...] = ()
) -> State:
    """The solutions that the stages make of S1's.

    Args:
        stages: One after another.
        start: S1's solutions.
        seen: What is known of the frames.
        without: Inputs that the stages were trained without.
    """
    state = start
    for index, stage in enumerate(stages):
        state = state.moved(*stage(features(state, seen, index, without)))
    return state


class Trained(NamedTuple):
    """The outcome.

    Attributes:
        stages: With epochs and stages chosen by likelihood.
        oracle: The same but for the last stage, whose epoch the judge chose; the stages themselves
            where there is no judge.
        curve: Likelihood loss of the held-out frames after every epoch of every stage tried, nats.
    """

    stages: list[nn.Module]
    oracle: list[nn.Module]
    curve: list[float]


def train(
    lesson: Lesson,
    variant: Variant,
    training: Training,
    *,
    seed: int,
    judge: Callable[[State], float] | None = None,
) -> Trained:
    """Train the stages.

    Args:
        lesson: The frames; the first ones, 64 or a twentieth, choose epochs and stages.
        variant: What is trained.
        training: How.
        seed: Decides weights and batches.
        judge: What to choose the oracle by, such as the PMPJPE of the held-out frames; small is
            good. It has no say in anything else.

    Raises:
        InputError: There are too few frames.
    """
    held = max(HELD_OUT, len(lesson.start.pose) // 20)
    if len(lesson.start.pose) < 2 * held:
        raise InputError(
            "frames", f"{len(lesson.start.pose)} to train with", mend=f"give {2 * held} or more"
        )
    held_out, rest = lesson.take(slice(held)), lesson.take(slice(held, None))
    stages: list[nn.Module] = []
    oracle: nn.Module | None = None
    curve: list[float] = []
    best = float(_likelihood(held_out.start, held_out.seen))
    for index in range(training.stages):
        for attempt in range(training.attempts):
            chosen = _stage(
                rest, held_out, variant, training, index, derive(seed, index, attempt), judge, curve
            )
            if chosen.score < best or not stages:
                break
        else:
            break
        best = chosen.score
        stages.append(chosen.network)
        oracle = chosen.oracle
        rest, held_out = (
            _advanced(part, chosen.network, index, variant) for part in (rest, held_out)
        )
    return Trained(stages, [*stages[:-1], oracle or stages[-1]], curve)


class _Chosen(NamedTuple):
    network: nn.Module
    score: float
    oracle: nn.Module | None


def _stage(
    lesson: Lesson,
    held_out: Lesson,
    variant: Variant,
    training: Training,
    index: int,
    seed: int,
    judge: Callable[[State], float] | None,
    curve: list[float],
) -> _Chosen:
    """One training of one stage, at the epoch of the best likelihood of the held-out frames."""
    described = features(lesson.start, lesson.seen, index, variant.without)
    network = _network(described, lesson, variant, training, seed)
    network.standard.fit(described)
    adam = torch.optim.Adam(network.parameters(), lr=training.learning_rate)
    count = len(lesson.start.pose)
    steps = max(1, count // training.batch_size)
    fall = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps * training.epochs)
    source = generator(seed, "batches")
    drawn = batches(count, min(training.batch_size, count), source)
    unseen = features(held_out.start, held_out.seen, index, variant.without)
    best, best_judged = _Chosen(network, float("inf"), None), float("inf")
    for _ in range(training.epochs):
        for _ in range(steps):
            rows = next(drawn)
            batch, inputs = lesson.take(rows), described[rows]
            if variant.flat:
                batch, inputs = _shuffled(batch, inputs, source)
            loss = _loss(batch.start.moved(*network(inputs)), batch, variant)
            adam.zero_grad()
            loss.backward()
            adam.step()
            fall.step()
        with torch.no_grad():
            state = held_out.start.moved(*network(unseen))
        score = float(_likelihood(state, held_out.seen))
        curve.append(score)
        if score < best.score:
            best = best._replace(network=deepcopy(network), score=score)
        if judge and (judged := judge(state)) < best_judged:
            best, best_judged = best._replace(oracle=deepcopy(network)), judged
    if best.score == float("inf"):
        raise InputError("training of S2", "met no finite loss", mend="lower the learning rate")
    return best


def _network(
    described: Tensor, lesson: Lesson, variant: Variant, training: Training, seed: int
) -> Equivariant | Flat:
    size, joints = described.shape[-1], lesson.start.pose.shape[1]
    if variant.flat:
        return Flat(size, joints, training.width, described.shape[1], seed=seed)
    return Equivariant(size, joints, training.width, training.blocks, seed=seed)


def _loss(state: State, lesson: Lesson, variant: Variant) -> Tensor:
    """The loss that is minimised; differentiable in the state.

    labels: mean squared error of the projections, box units. likelihood: that of the heat-maps,
    nats. teacher: squared distances of pose, shift and scale before softplus, and
    `|R' R_ref - I|^2`, all with weight 1. Limbs add the error of the limb ratios.
    """
    match variant.supervision:
        case "labels":
            assert lesson.labels is not None
            loss = (state.project() - lesson.labels).square().mean()
        case "likelihood":
            loss = _likelihood(state, lesson.seen)
        case "teacher":
            teacher = lesson.teacher
            assert teacher is not None
            turned = state.rotations.transpose(-1, -2) @ teacher.rotations
            eye = torch.eye(3, dtype=turned.dtype)
            parts = (
                (state.pose - teacher.pose).flatten(1),
                (state.cameras - teacher.cameras)[..., 6:].flatten(1),
                (turned - eye).flatten(1),
            )
            loss = torch.stack([part.square().sum(-1).mean() for part in parts]).sum()
    if variant.limbs and lesson.seen.ratios is not None:
        loss = loss + limb_error(state.pose, lesson.seen.ratios).square().mean()
    return loss


def _likelihood(state: State, seen: Views) -> Tensor:
    return negative_log_likelihood(state.project(), seen.mixtures).mean()


@torch.no_grad()
def _advanced(lesson: Lesson, network: nn.Module, index: int, variant: Variant) -> Lesson:
    """The lesson one stage on."""
    update = network(features(lesson.start, lesson.seen, index, variant.without))
    return lesson._replace(start=lesson.start.moved(*update))


def _shuffled(lesson: Lesson, inputs: Tensor, source: torch.Generator) -> tuple[Lesson, Tensor]:
    """Views 1 to C-1 in one random order; view 0, which the pose is in, stays."""
    order = torch.cat(
        [
            torch.zeros(1, dtype=torch.long),
            1 + torch.randperm(inputs.shape[1] - 1, generator=source),
        ]
    )
    moved = Lesson(
        State(lesson.start.pose, lesson.start.cameras[:, order]),
        Views(lesson.seen.mixtures[:, order], lesson.seen.ratios),
        None if lesson.labels is None else lesson.labels[:, order],
        None
        if lesson.teacher is None
        else State(lesson.teacher.pose, lesson.teacher.cameras[:, order]),
    )
    return moved, inputs[:, order]

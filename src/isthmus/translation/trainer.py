"""The one trainer of all translators: a game of two Adams on images that lie in memory.

Every draw of a step comes from generators that are derived from the seed and the step's number, so
that a step depends on nothing but the state that a checkpoint holds.

In a process group (`torchrun` and `torch.distributed.init_process_group`) every process makes the
same trainer and calls the same methods. Each sees its part of every batch, with noise and a history
of its own; gradients and curves are means over the processes, whose weights stay equal.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import pickle
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Generic, TypeVar

import torch
from torch import Tensor, nn

from isthmus.data.files import write_atomically
from isthmus.errors import InputError
from isthmus.networks.distributed import average, gathered, meet, place, share
from isthmus.networks.randomness import generator
from isthmus.seeding import derive
from isthmus.translation.pool import mix
from isthmus.translation.translator import LearnedTranslator, to_unit

T = TypeVar("T", bound=LearnedTranslator)

_UNREADABLE = (OSError, RuntimeError, EOFError, LookupError, TypeError, pickle.PickleError)


@dataclass(frozen=True)
class Training:
    """How a translator is trained.

    Attributes:
        steps: Number of steps.
        batch_size: Images of each domain in a step, drawn independently, of all processes together.
        learning_rate: Of the generators.
        discriminator_learning_rate: Of the discriminators.
        betas: Of both Adams.
        decay_from: Share of the steps after which both rates fall linearly to 0; 1 for never.
        averaging: Decay of the generators' moving average a step, lower in the first steps.
        history: Translations of each kind that are kept for the discriminators; 0 for none.
        largest_gradient: Norm that the gradient of either side is clipped to.

    Raises:
        InputError: A number makes no sense.
    """

    steps: int
    batch_size: int = 16
    learning_rate: float = 2e-4
    discriminator_learning_rate: float = 1e-4
    betas: tuple[float, float] = (0.5, 0.999)
    decay_from: float = 1.0
    averaging: float = 0.999
    history: int = 50
    largest_gradient: float = 100.0

    def __post_init__(self) -> None:
        wholes = {"steps": 1, "batch_size": 1, "history": 0}
        wrong = [name for name, least in wholes.items() if getattr(self, name) < least]
        rates = ("learning_rate", "discriminator_learning_rate", "largest_gradient")
        wrong += [name for name in rates if not getattr(self, name) > 0]
        wrong += [name for name in ("decay_from", "averaging") if not 0 <= getattr(self, name) <= 1]
        if wrong:
            raise InputError(
                "training",
                f"is {getattr(self, wrong[0])}",
                field=wrong[0],
                mend="use positive counts and rates, and shares from 0 to 1",
            )

    def pace(self, step: int) -> float:
        """The learning rates at a step, in those of the start."""
        return min(1.0, (1 - step / self.steps) / max(1 - self.decay_from, 1 / self.steps))


class Trainer(Generic[T]):
    """Trains a translator in place; nothing but the images is seen.

    Args:
        translator: What to train, on the device to train on.
        a: Images of domain A, uint8 `(n, ...)`.
        b: Images of domain B, likewise; their number may differ.
        training: How.
        seed: Of the batches, the noise and the history.

    Attributes:
        step: Number of steps done.
        curves: Of each loss and reading, its value at every step.

    Raises:
        InputError: The images are no bytes, fewer than a batch, or do not fit the translator; or
            the processes cannot have equal parts of a batch.
    """

    def __init__(self, translator: T, a: Tensor, b: Tensor, training: Training, *, seed: int):
        for name, images in (("a", a), ("b", b)):
            if images.dtype != torch.uint8 or len(images) < training.batch_size:
                raise InputError(
                    name,
                    f"has dtype {images.dtype} and {len(images)} images",
                    mend=f"give bytes (uint8), at least {training.batch_size} for one batch",
                )
        self._rank, self._processes = place()
        if training.batch_size % self._processes:
            raise InputError(
                "training",
                f"is {training.batch_size} for {self._processes} processes",
                field="batch_size",
                mend="use a multiple of their number",
            )
        translator.check(a, b)
        share(translator.state_dict().values())
        self.translator, self.training, self.seed = translator, training, seed
        self._own_seed = derive(seed, f"process {self._rank}") if self._rank else seed
        self.step = 0
        self.curves: dict[str, list[float]] = {}
        self._images = {"a": a, "b": b}
        self._identity = _identity(translator, self._images, training, seed, self._processes)
        self._history: dict[str, Tensor] = {}
        self._players = (
            _Player(translator.generator_parameters(), training.learning_rate, training),
            _Player(
                translator.discriminator_parameters(),
                training.discriminator_learning_rate,
                training,
            ),
        )
        self._average = [p.detach().clone() for p in self._players[0].parameters]

    def run(
        self,
        until: int | None = None,
        *,
        on_step: Callable[[int, dict[str, float]], None] | None = None,
        checkpoint: str | PathLike[str] | None = None,
        every: int = 1000,
    ) -> None:
        """Train up to a step, by default the last one.

        Args:
            until: Number of steps that will have been done, these and earlier ones.
            on_step: Called after each step with its number and its values.
            checkpoint: File to go on from if it exists, and to write.
            every: Steps from one writing to the next; it is also written at the end.

        Raises:
            InputError: The training diverged, and the trainer is in its last finite state, before
                the step; or the checkpoint cannot be used.
        """
        if checkpoint is not None and Path(checkpoint).exists():
            self.load(checkpoint)
        end = self.training.steps if until is None else min(until, self.training.steps)
        self.translator.train()
        while self.step < end:
            values = self._advance()
            if checkpoint is not None and (self.step % every == 0 or self.step == end):
                self.save(checkpoint)
            if on_step:
                on_step(self.step - 1, values)

    def averaged(self) -> T:
        """A copy of the translator whose generators are the moving average of those trained."""
        found = copy.deepcopy(self.translator)
        with torch.no_grad():
            for parameter, value in zip(found.generator_parameters(), self._average, strict=True):
                parameter.copy_(value)
        return found

    def save(self, path: str | PathLike[str]) -> None:
        """Write all that the next step depends on, atomically; the first process alone writes.

        Raises:
            InputError: The folder cannot be written, or the disk is full.
        """
        state = {
            "identity": self._identity,
            "step": self.step,
            "curves": self.curves,
            "translator": self.translator.state_dict(),
            "players": [player.adam.state_dict() for player in self._players],
            "average": self._average,
            "histories": gathered(self._history),
        }
        if self._rank == 0:
            with write_atomically(path) as file:
                torch.save(state, file)
        meet()  # none goes on, and may read it, before it is written

    def load(self, path: str | PathLike[str]) -> None:
        """Take the state of a trainer of the same translator, images, settings and seed.

        Raises:
            InputError: The file is absent or damaged, or of another training.
        """
        device = self._average[0].device
        try:
            state = torch.load(path, map_location=device, weights_only=True)
            found = state["identity"]
            differing = [name for name, value in self._identity.items() if found[name] != value]
        except _UNREADABLE as error:
            problem = f"is no checkpoint that can be read ({type(error).__name__})"
            raise InputError(path, problem, mend="remove it to start anew") from error
        if differing:
            raise InputError(
                path,
                "is of another training",
                field=", ".join(differing),
                mend="remove it to start anew, or give what it was made with",
            )
        self.translator.load_state_dict(state["translator"])
        for player, adam in zip(self._players, state["players"], strict=True):
            player.adam.load_state_dict(adam)
        self.step, self.curves = state["step"], state["curves"]
        self._average, self._history = state["average"], state["histories"][self._rank]

    def _advance(self) -> dict[str, float]:
        """One step: both gradients first, then, if all is finite, both updates."""
        translator, (generators, discriminators) = self.translator, self._players
        a, b = self._batch("a"), self._batch("b")
        noise = generator(self._own_seed, f"noise {self.step}")
        choices = generator(self._own_seed, f"history {self.step}")

        translator.step = self.step
        discriminators.learn(False)
        passed = translator.generator_losses(a, b, noise)
        pull = generators.gradient(passed.losses)
        discriminators.learn(True)
        shown, history = {}, {}
        for name, images in passed.translations.items():
            shown[name], history[name] = mix(
                self._history.get(name), images.detach(), self.training.history, choices
            )
        current = {name: images.detach() for name, images in passed.reconstructions.items()}
        losses = translator.discriminator_losses(a, b, shown, current, noise)
        push = discriminators.gradient(losses)

        values = self._finite(
            passed.losses
            | losses
            | passed.readings
            | {"gradient/generators": pull, "gradient/discriminators": push.to(pull)}
        )
        for player in self._players:
            player.descend(self.training.pace(self.step))
        self._history = history
        self.step += 1
        keep = min(self.training.averaging, self.step / (self.step + 9))
        for mean, parameter in zip(self._average, generators.parameters, strict=True):
            mean.lerp_(parameter.detach(), 1 - keep)
        for name, value in values.items():
            self.curves.setdefault(name, []).append(value)
        return values

    def _batch(self, domain: str) -> Tensor:
        """This process's images of the step: none twice in a batch or in a pass over all."""
        images, size = self._images[domain], self.training.batch_size
        epoch, start = divmod(self.step, len(images) // size)
        stream = "pairs" if self.translator.paired else domain
        order = torch.randperm(len(images), generator=generator(self.seed, f"{stream} {epoch}"))
        rows = order[start * size : (start + 1) * size][self._rank :: self._processes]
        return to_unit(images[rows.to(images.device)].to(self._average[0].device))

    def _finite(self, tensors: dict[str, Tensor]) -> dict[str, float]:
        numbers = torch.stack([value.detach() for value in tensors.values()])
        average([numbers])
        values = dict(zip(tensors, numbers.tolist(), strict=True))
        wrong = [name for name, value in values.items() if not math.isfinite(value)]
        if wrong:
            raise InputError(
                "translation",
                f"the training diverged at step {self.step}",
                field=", ".join(wrong),
                mend="lower the learning rates or the weights of these terms",
            )
        return values


def _identity(
    translator: LearnedTranslator,
    images: dict[str, Tensor],
    training: Training,
    seed: int,
    processes: int,
) -> dict[str, str]:
    """What a checkpoint must share with the trainer that takes it."""
    found: dict[str, object] = {
        "translator": type(translator).__name__,
        "config": translator.config,
        "terms": asdict(translator.terms),
        "training": asdict(training),
        "seed": seed,
        "processes": processes,
    }
    for name, x in images.items():
        found[name] = hashlib.sha256(x.cpu().numpy().tobytes()).hexdigest()
    return {name: json.dumps(value, sort_keys=True) for name, value in found.items()}


class _Player:
    """One side of the game: its parameters and its Adam. A side may be empty: no adversary."""

    def __init__(
        self, parameters: Iterable[nn.Parameter], learning_rate: float, training: Training
    ) -> None:
        self.parameters = list(parameters)
        self.learning_rate, self.largest = learning_rate, training.largest_gradient
        self.adam = torch.optim.Adam(
            [{"params": self.parameters}], lr=learning_rate, betas=training.betas, fused=True
        )

    def learn(self, on: bool) -> None:
        for parameter in self.parameters:
            parameter.requires_grad_(on)

    def gradient(self, losses: dict[str, Tensor]) -> Tensor:
        """Compute the processes' mean gradient of the sum and clip it; its norm before that."""
        self.adam.zero_grad()
        if losses:
            torch.stack(list(losses.values())).sum().backward()
        average(p.grad for p in self.parameters if p.grad is not None)
        return nn.utils.clip_grad_norm_(self.parameters, self.largest)

    def descend(self, pace: float) -> None:
        for group in self.adam.param_groups:
            group["lr"] = pace * self.learning_rate
        self.adam.step()

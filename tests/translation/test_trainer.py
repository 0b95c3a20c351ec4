from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, distributed

from isthmus.errors import InputError
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.rift import Rift, RiftTerms
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import GeneratorPass, translate_bytes

SMALL = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1}
EVERY = RiftTerms(bits=5.0, guess=1, embedding_return=1, embedding_swap=1, cycle_swap=1)
SHORT = Training(10, batch_size=3, history=7, decay_from=0.5)


def colours(low: int, high: int, count: int = 8, side: int = 8) -> Tensor:
    """Images of one grey each."""
    levels = torch.linspace(low, high, count).round().byte()
    return levels.view(-1, 1, 1, 1).expand(count, 3, side, side).contiguous()


def trainer(training: Training = SHORT, seed: int = 4, terms: RiftTerms = EVERY) -> Trainer[Rift]:
    a = torch.randint(0, 256, (8, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    b = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(2))
    return Trainer(Rift(**SMALL, terms=terms), a.byte(), b.byte(), training, seed=seed)


def state(found: Trainer[Rift], path: Path) -> dict[str, Any]:
    """All that a checkpoint holds, by its place in it, tensors as bytes."""
    found.save(path)
    leaves: dict[str, Any] = {}

    def visit(place: str, value: Any) -> None:
        if isinstance(value, dict | list | tuple):
            parts = value.items() if isinstance(value, dict) else enumerate(value)
            for key, part in parts:
                visit(f"{place}/{key}", part)
        else:
            leaves[place] = value.numpy().tobytes() if isinstance(value, Tensor) else value

    visit("", torch.load(path, weights_only=True))
    return leaves


def test_killed_and_resumed_is_never_killed(tmp_path: Path) -> None:
    whole, path = trainer(), tmp_path / "checkpoint.pt"
    whole.run()

    class Killed(Exception):
        pass

    def kill(step: int, values: dict[str, float]) -> None:
        if step == 6:
            raise Killed

    first = trainer()
    with pytest.raises(Killed):
        first.run(checkpoint=path, every=5, on_step=kill)
    torch.manual_seed(99)
    second, steps = trainer(), []
    second.run(checkpoint=path, every=5, on_step=lambda step, _: steps.append(step))

    assert steps == [5, 6, 7, 8, 9]
    assert second.curves == whole.curves
    assert state(second, tmp_path / "again.pt") == state(whole, tmp_path / "again.pt")
    for one, other in (
        (second.translator, whole.translator),
        (second.averaged(), whole.averaged()),
    ):
        for name, tensor in one.state_dict().items():
            assert torch.equal(tensor, other.state_dict()[name]), name


def test_in_two_runs_or_one() -> None:
    whole, parts = trainer(), trainer()
    whole.run()
    parts.run(4)
    assert parts.step == 4
    parts.run()
    assert parts.curves == whole.curves


def test_another_seed_is_another_training() -> None:
    one, other = trainer(), trainer(seed=5)
    one.run(2)
    other.run(2)
    assert one.curves != other.curves


@pytest.mark.parametrize(
    ("other", "field"),
    [
        (lambda: trainer(seed=5), "seed"),
        (lambda: trainer(Training(11, batch_size=3)), "training"),
        (lambda: trainer(terms=RiftTerms()), "terms"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    other: object, field: str, tmp_path: Path
) -> None:
    trainer().save(tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match=field):
        other().load(tmp_path / "checkpoint.pt")  # type: ignore[operator]


@pytest.mark.parametrize("share", [0, 0.3, 0.9])
def test_a_damaged_checkpoint_is_refused(share: float, tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.pt"
    trainer().save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(InputError, match=r"checkpoint\.pt"):
        trainer().load(path)


def test_nan_stops_with_the_last_good_state(tmp_path: Path) -> None:
    found, good = trainer(), trainer()
    found.run(3)
    good.run(3)
    losses = found.translator.discriminator_losses

    def broken(*arguments: object) -> dict[str, Tensor]:
        return {k: v * float("nan") for k, v in losses(*arguments).items()}  # type: ignore[arg-type]

    found.translator.discriminator_losses = broken  # type: ignore[method-assign]
    with pytest.raises(InputError, match=r"diverged at step 3.*Mend"):
        found.run()
    assert found.step == 3
    assert state(found, tmp_path / "state.pt") == state(good, tmp_path / "state.pt")


def test_a_gradient_that_overflows_stops_the_training() -> None:
    found = trainer(terms=RiftTerms(cycle=3e38, identity=0, capacity=0))
    with pytest.raises(InputError, match=r"gradient/generators|cycle"):
        found.run()
    assert all(p.isfinite().all() for p in found.translator.parameters())


def test_every_image_is_drawn_once_in_a_pass_and_pairs_change() -> None:
    found = trainer(Training(100, batch_size=2))
    passes = []
    for epoch in range(3):
        rows = []
        for step in range(4 * epoch, 4 * epoch + 4):
            found.step = step
            rows.append(found._batch("a"))
        passes.append(torch.cat(rows))
        assert len(passes[-1].unique(dim=0)) == 8
    assert not torch.equal(passes[0], passes[1])


def test_the_average_follows_the_generators() -> None:
    found = trainer(Training(4, batch_size=3, averaging=0.0))
    found.run()
    for one, other in zip(found.averaged().parameters(), found.translator.parameters()):
        torch.testing.assert_close(one, other)
    slow = trainer(Training(4, batch_size=3, averaging=1.0, learning_rate=1e-2))
    slow.run()
    moved = [
        not torch.allclose(one, other)
        for one, other in zip(slow.averaged().parameters(), slow.translator.into.parameters())
    ]
    assert any(moved)


def test_the_pace_is_constant_and_falls_to_zero() -> None:
    assert [Training(4).pace(step) for step in range(4)] == [1, 1, 1, 1]
    falling = Training(8, decay_from=0.5)
    assert [falling.pace(step) for step in (0, 4, 6, 7, 8)] == [1, 1, 0.5, 0.25, 0]


def test_both_sides_slow_down_with_the_pace() -> None:
    found = trainer(Training(4, batch_size=3, decay_from=0))
    found.run(2)
    rates = [player.adam.param_groups[0]["lr"] for player in found._players]
    assert rates == [0.75 * 2e-4, 0.75 * 1e-4]


def test_discriminators_rest_in_the_pass_of_the_generators() -> None:
    found = trainer()
    losses, resting = found.translator.generator_losses, []

    def watched(*arguments: Any) -> GeneratorPass:
        resting.extend(not p.requires_grad for p in found.translator.discriminator_parameters())
        return losses(*arguments)

    found.translator.generator_losses = watched  # type: ignore[method-assign]
    found.run(1)
    assert resting
    assert all(resting)
    assert all(p.requires_grad for p in found.translator.parameters())


def test_the_clipped_gradient() -> None:
    found = trainer(Training(2, batch_size=3, largest_gradient=1e-3))
    found.run(1)
    for player in found._players:
        norms = [p.grad.norm() for p in player.parameters if p.grad is not None]
        assert torch.stack(norms).norm().item() == pytest.approx(1e-3, rel=1e-3)
    assert found.curves["gradient/generators"][0] > 1e-3


@pytest.mark.parametrize(
    "wrong",
    [{"steps": 0}, {"batch_size": 0}, {"learning_rate": float("nan")}, {"decay_from": 1.5}],
)
def test_settings_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(InputError, match=next(iter(wrong))):
        Training(**{"steps": 1} | wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (colours(0, 9).float(), colours(0, 9)),
        (colours(0, 9), colours(0, 9, count=2)),
        (colours(0, 9), colours(0, 9, side=16)),
        (colours(0, 9, side=10), colours(0, 9, side=10)),
        (colours(0, 9)[:, :1], colours(0, 9)[:, :1]),
        (colours(0, 9, side=4), colours(0, 9, side=4)),
    ],
)
def test_images_that_do_not_fit_are_refused(a: Tensor, b: Tensor) -> None:
    with pytest.raises(InputError, match="Mend"):
        Trainer(Rift(**SMALL), a, b, SHORT, seed=0)


def test_a_toy_pair_is_learnt() -> None:
    """The upper half is shared; the lower one is black in A and white in B.

    Upper halves of two images of A differ by 62 on average.
    """
    a, b = colours(40, 215, count=16), colours(40, 215, count=16)
    a[:, :, 4:], b[:, :, 4:] = 0, 255
    model = CycleGan(
        **SMALL | {"width": 8, "discriminator_width": 8},
        terms=CycleGanTerms(noise=0.05, guess=0.1),
        seed=1,
    )
    training = Training(
        300,
        batch_size=8,
        learning_rate=1e-3,
        discriminator_learning_rate=1e-3,
        averaging=0.98,
        decay_from=0.5,
    )
    found = Trainer(model, a, b, training, seed=1)
    found.run()
    translated = translate_bytes(found.averaged(), a, "a2b").float()
    assert (translated - b)[:, :, 4:].abs().mean() < 10
    assert (translated - a)[:, :, :4].abs().mean() < 15
    assert sum(found.curves["cycle/a"][-10:]) < 0.2 * sum(found.curves["cycle/a"][:10])


@pytest.mark.parametrize("paired", [True, False])
def test_pairs_stay_together_in_every_batch_where_a_translator_needs_them(
    paired: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    class Watching(CycleGan):
        def generator_losses(self, a: Tensor, b: Tensor, noise: torch.Generator) -> GeneratorPass:
            seen.append(bool(torch.equal(a, b)))
            return super().generator_losses(a, b, noise)

    monkeypatch.setattr(Watching, "paired", paired)
    images = colours(0, 255)
    Trainer(Watching(**SMALL), images, images.clone(), SHORT, seed=0).run()
    assert all(seen) == paired


def without_noise(seed: int = 1) -> Trainer[CycleGan]:
    """Of this training every loss is a mean over images, without a draw but for the batches."""
    a = torch.randint(0, 256, (8, 3, 8, 8), generator=torch.Generator().manual_seed(1))
    b = torch.randint(0, 256, (12, 3, 8, 8), generator=torch.Generator().manual_seed(2))
    training = Training(5, batch_size=4, history=0, largest_gradient=0.5)
    return Trainer(CycleGan(**SMALL, seed=seed), a.byte(), b.byte(), training, seed=1)


def one_of_two(rank: int, folder: Path) -> None:
    """A process: trains with and without noise, is killed and resumes, and writes what came out."""
    torch.set_num_threads(1)
    meeting = f"file://{folder / 'meeting'}"
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=2)
    plain = without_noise(seed=1 + rank)
    plain.run()

    whole, first, second = (trainer(Training(6, batch_size=4, history=7)) for _ in range(3))
    whole.run()
    first.run(4, checkpoint=folder / "checkpoint.pt")
    second.run(checkpoint=folder / "checkpoint.pt")
    refused = ""
    try:
        trainer(SHORT)
    except InputError as error:
        refused = str(error)
    found = {
        "plain": plain.translator.state_dict(),
        "plain curves": plain.curves,
        "whole": whole.translator.state_dict() | {"average": whole._average[0]},
        "whole curves": whole.curves,
        "resumed": second.translator.state_dict() | {"average": second._average[0]},
        "resumed curves": second.curves,
        "history": whole._history,
        "refused": refused,
    }
    torch.save(found, folder / f"{rank}.pt")
    distributed.destroy_process_group()


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    processes = [
        subprocess.Popen([sys.executable, __file__, str(rank), str(tmp_path)]) for rank in range(2)
    ]
    assert [process.wait() for process in processes] == [0, 0]
    found = [torch.load(tmp_path / f"{rank}.pt") for rank in range(2)]

    for name in ("plain", "whole", "resumed"):
        assert found[0][f"{name} curves"] == found[1][f"{name} curves"]
        for key, tensor in found[0][name].items():
            assert torch.equal(tensor, found[1][name][key]), (name, key)
    for process in found:
        assert process["resumed curves"] == process["whole curves"]
        for key, tensor in process["whole"].items():
            assert torch.equal(process["resumed"][key], tensor), key
        assert "batch_size" in process["refused"]
    assert not torch.equal(found[0]["history"]["a"], found[1]["history"]["a"])

    single = without_noise()
    start = {name: tensor.clone() for name, tensor in single.translator.state_dict().items()}
    single.run()
    for name, values in single.curves.items():
        assert found[0]["plain curves"][name] == pytest.approx(values, rel=1e-4), name
    for name, tensor in single.translator.state_dict().items():
        torch.testing.assert_close(found[0]["plain"][name], tensor, rtol=0, atol=2e-5)
    moved = [
        (tensor - start[name]).abs().max()
        for name, tensor in single.translator.state_dict().items()
    ]
    assert max(moved) > 5e-4

    path = tmp_path / "checkpoint.pt"
    with pytest.raises(InputError, match="processes"):
        trainer(Training(6, batch_size=4, history=7)).load(path)


if __name__ == "__main__":
    one_of_two(int(sys.argv[1]), Path(sys.argv[2]))

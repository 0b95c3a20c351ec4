from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from isthmus.translation.course import follow, stops
from isthmus.translation.cyclegan import CycleGan, CycleGanTerms
from isthmus.translation.puppetgan import PuppetGan
from isthmus.translation.rift import Rift
from isthmus.translation.trainer import Trainer, Training

STEPS, AT = 40, [10, 20, 40]
CYCLIC = {"width": 4, "blocks": 1, "fold": 2, "discriminator_width": 4, "levels": 1}
PUPPET = {"channels": 3, "side": 8, "width": 4, "levels": 2, "attribute": 2, "rest": 2}
KINDS = {
    "rift": lambda: Rift(**CYCLIC),
    "guess-noise": lambda: CycleGan(**CYCLIC, terms=CycleGanTerms(guess=10.0, noise=0.1)),
    "puppetgan": lambda: PuppetGan(**PUPPET, discriminator_width=4, discriminator_levels=1),
}


@pytest.mark.parametrize(("steps", "count"), [(10, 1), (10, 3), (3, 8), (1, 1), (1500, 8)])
def test_stops_rise_to_the_last_step(steps: int, count: int) -> None:
    found = stops(steps, count)
    assert found == sorted(set(found))
    assert found[-1] == steps
    assert found[0] >= 1
    assert len(found) == min(steps, count)


def training(kind: str, folder: Path, pause: float = 0.0) -> dict[int, list[torch.Tensor]]:
    torch.set_num_threads(1)
    triplets = (3,) if kind == "puppetgan" else ()
    images = [
        torch.randint(
            0, 256, (8, *extra, 3, 8, 8), generator=torch.Generator().manual_seed(i)
        ).byte()
        for i, extra in ((1, ()), (2, triplets))
    ]
    trainer = Trainer(KINDS[kind](), *images, Training(STEPS, batch_size=3, history=7), seed=4)
    return follow(
        trainer,
        AT,
        lambda model: [parameter.detach() for parameter in model.parameters()],
        folder,
        every=3,
        on_step=lambda step, values: time.sleep(pause),
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_process_that_was_killed_goes_on_bit_for_bit(kind: str, tmp_path: Path) -> None:
    whole = training(kind, tmp_path / "whole")
    folder = tmp_path / "killed"
    process = subprocess.Popen([sys.executable, __file__, kind, str(folder)])
    deadline = time.monotonic() + 120
    while not (folder / "20.pt").exists():
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (folder / "40.pt").exists()
    resumed = training(kind, folder)
    assert whole.keys() == resumed.keys() == set(AT)
    for step in AT:
        assert all(map(torch.equal, whole[step], resumed[step]))
    again = training(kind, folder)
    assert all(map(torch.equal, whole[40], again[40]))


def test_looks_without_a_checkpoint_are_not_trusted(tmp_path: Path) -> None:
    whole = training("rift", tmp_path / "whole")
    folder = tmp_path / "other"
    folder.mkdir()
    torch.save([torch.zeros(1)], folder / "10.pt")
    assert all(map(torch.equal, whole[10], training("rift", folder)[10]))


if __name__ == "__main__":
    training(sys.argv[1], Path(sys.argv[2]), pause=0.05)

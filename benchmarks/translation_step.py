"""Time of a training step of RIFT and of CycleGAN against the same method in the common way.

The common way is how the published programs are written: reflection padding, InstanceNorm, the
default memory layout, one call of a network a term, discriminators that collect the gradients of
the generators' losses, an Adam that is not fused. Width, blocks, batch and size are the same on
both sides, and so are the terms of the losses. `fold` is this project's layout at the same width,
another network, so it has a row of its own and is not what the ratio of a method stands for.

Both sides take turns and report their fastest step. `gflops` counts the multiplications and
additions of convolutions and matrix products; the peak is a product of two 2048 x 2048 matrices.

    python benchmarks/translation_step.py [--rounds 7]
"""

from __future__ import annotations

import argparse
import itertools
import json
import time
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss
from torch.utils.flop_counter import FlopCounterMode

from isthmus.translation.cyclegan import CycleGan
from isthmus.translation.cyclic import CyclicTranslator
from isthmus.translation.rift import Rift
from isthmus.translation.trainer import Trainer, Training

WIDTH, BLOCKS, LEVELS, DISCRIMINATOR = 16, 4, 3, 16
BATCH, SIDE, IMAGES = 16, 32, 64
SIGMA_X, SIGMA_S = 0.05, 0.3


def generator(channels: int) -> nn.Sequential:
    def convolution(inputs: int, outputs: int, kernel: int, stride: int = 1) -> list[nn.Module]:
        return [
            nn.ReflectionPad2d(kernel // 2),
            nn.Conv2d(inputs, outputs, kernel, stride),
            nn.InstanceNorm2d(outputs),
            nn.ReLU(),
        ]

    layers = convolution(channels, WIDTH, 7)
    layers += convolution(WIDTH, 2 * WIDTH, 3, 2) + convolution(2 * WIDTH, 4 * WIDTH, 3, 2)
    layers += [Residual(convolution(4 * WIDTH, 4 * WIDTH, 3) * 2) for _ in range(BLOCKS)]
    for inputs in (4 * WIDTH, 2 * WIDTH):
        layers += [
            nn.ConvTranspose2d(inputs, inputs // 2, 3, 2, 1, output_padding=1),
            nn.InstanceNorm2d(inputs // 2),
            nn.ReLU(),
        ]
    return nn.Sequential(*layers, nn.ReflectionPad2d(3), nn.Conv2d(WIDTH, channels, 7), nn.Tanh())


class Residual(nn.Module):
    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        pad, convolution, norm, rectify = layers[:4]
        width = convolution.out_channels
        self.layers = nn.Sequential(
            pad,
            convolution,
            norm,
            rectify,
            pad,
            nn.Conv2d(width, width, 3),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.layers(x)


def discriminator() -> nn.Sequential:
    layers: list[nn.Module] = [nn.Conv2d(3, DISCRIMINATOR, 4, 2, 1), nn.LeakyReLU(0.2)]
    for level in range(1, LEVELS + 1):
        inputs, outputs = DISCRIMINATOR << level - 1, DISCRIMINATOR << level
        layers += [
            nn.Conv2d(inputs, outputs, 4, 2 if level < LEVELS else 1, 1),
            nn.InstanceNorm2d(outputs),
            nn.LeakyReLU(0.2),
        ]
    return nn.Sequential(*layers, nn.Conv2d(DISCRIMINATOR << LEVELS, 1, 4, 1, 1))


class Common:
    """The methods, one call a term."""

    def __init__(self, method: str, batches: Iterator[tuple[Tensor, Tensor]]) -> None:
        self.batches, self.guided = batches, method == "rift"
        torch.manual_seed(0)
        self.into_a, self.into_b = (generator(3 + self.guided) for _ in range(2))
        self.judge_a, self.judge_b = discriminator(), discriminator()
        self.generators = torch.optim.Adam(
            [*self.into_a.parameters(), *self.into_b.parameters()], 2e-4, (0.5, 0.999)
        )
        self.judges = torch.optim.Adam(
            [*self.judge_a.parameters(), *self.judge_b.parameters()], 1e-4, (0.5, 0.999)
        )

    def __call__(self) -> None:
        a, b = next(self.batches)
        losses, fake_a, fake_b = self.rift(a, b) if self.guided else self.cyclegan(a, b)
        for fake, judge in ((fake_a, self.judge_a), (fake_b, self.judge_b)):
            scores = judge(fake)
            losses.append((scores - 1).square().mean())
        self.generators.zero_grad()
        sum(losses).backward()
        self.generators.step()
        self.judges.zero_grad()
        for real, fake, judge in ((a, fake_a, self.judge_a), (b, fake_b, self.judge_b)):
            real_scores, fake_scores = judge(real), judge(fake.detach())
            loss = (real_scores - 1).square().mean() + fake_scores.square().mean()
            loss.backward()
        self.judges.step()

    def cyclegan(self, a: Tensor, b: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        fake_b, fake_a = self.into_b(a), self.into_a(b)
        losses = [
            10 * l1_loss(self.into_a(fake_b), a),
            10 * l1_loss(self.into_b(fake_a), b),
            5 * l1_loss(self.into_a(a), a),
            5 * l1_loss(self.into_b(b), b),
        ]
        return losses, fake_a, fake_b

    def rift(self, a: Tensor, b: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
        def encode(network: nn.Module, x: Tensor) -> Tensor:
            return network(torch.cat([x, torch.zeros_like(x[:, :1])], 1))[:, 3:]

        def into(network: nn.Module, x: Tensor, s: Tensor) -> Tensor:
            x = x + SIGMA_X * torch.randn_like(x)
            s = s + SIGMA_S * torch.randn_like(s)
            return network(torch.cat([x, s], 1))[:, :3]

        own_a, own_b = encode(self.into_b, a), encode(self.into_a, b)
        fake_b = into(self.into_b, a, own_b.roll(1, 0))
        fake_a = into(self.into_a, b, own_a.roll(1, 0))
        losses = [
            10 * l1_loss(into(self.into_a, fake_b, own_a), a),
            10 * l1_loss(into(self.into_b, fake_a, own_b), b),
            l1_loss(into(self.into_a, a, own_a), a),
            l1_loss(into(self.into_b, b, own_b), b),
            0.5 * own_a.abs().mean(),
            0.5 * own_b.abs().mean(),
        ]
        return losses, fake_a, fake_b


def ours(kind: type[CyclicTranslator], fold: int, a: Tensor, b: Tensor) -> Callable[[], None]:
    sizes = {"width": WIDTH, "blocks": BLOCKS, "groups": 4}
    judges = {"discriminator_width": DISCRIMINATOR, "levels": LEVELS}
    translator = kind(fold=fold, **sizes, **judges)
    training = Training(steps=10_000, batch_size=BATCH, history=0)
    trainer = Trainer(translator, a, b, training, seed=0)
    return lambda: trainer.run(trainer.step + 1)


def batches(a: Tensor, b: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    order = torch.Generator().manual_seed(0)
    while True:
        yield tuple(
            x[torch.randperm(len(x), generator=order)[:BATCH]].float() / 127.5 - 1 for x in (a, b)
        )


def matrix_product_peak() -> float:
    """GFLOP/s of this machine's own product of matrices, the best of five."""
    x, best = torch.randn(2048, 2048), float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        x @ x
        best = min(best, time.perf_counter() - begun)
    return 2 * 2048**3 / best / 1e9


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    torch.set_num_threads(1)
    source = torch.Generator().manual_seed(0)
    a, b = (
        torch.randint(0, 256, (IMAGES, 3, SIDE, SIDE), generator=source, dtype=torch.uint8)
        for _ in range(2)
    )
    peak = matrix_product_peak()
    rows = []
    for method, kind in (("rift", Rift), ("cyclegan", CycleGan)):
        steps = {
            "common": Common(method, batches(a, b)),
            "ours": ours(kind, 1, a, b),
            "ours, fold 2": ours(kind, 2, a, b),
        }
        work, best = {}, dict.fromkeys(steps, float("inf"))
        for side, step in steps.items():
            with FlopCounterMode(display=False) as counter:
                step()
            work[side] = counter.get_total_flops() / 1e9
        for side in itertools.chain.from_iterable([steps] * rounds):
            begun = time.perf_counter()
            steps[side]()
            best[side] = min(best[side], time.perf_counter() - begun)
        rows += [
            {
                "method": method,
                "side": side,
                "milliseconds": round(1000 * best[side], 1),
                "gflop": round(work[side], 1),
                "gflops": round(work[side] / best[side], 1),
                "share_of_peak": round(work[side] / best[side] / peak, 3),
                "ratio": round(best["common"] / best[side], 2),
            }
            for side in steps
        ]
    found = {"torch": torch.__version__, "threads": 1, "peak_gflops": round(peak, 1), "rows": rows}
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()

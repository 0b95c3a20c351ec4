"""A VAE-GAN (after Larsen, Sonderby, Larochelle, Winther 2016) that two image domains share.

One encoder, one decoder and one discriminator see both domains and neither labels nor which domain
an image is from. What a domain looks like therefore has to be written into the code, and moving the
code of an image from one domain's cloud to the other's moves its look. Sizes are our own choice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

from isthmus.embedding import losses
from isthmus.errors import InputError
from isthmus.networks.convolutional import SLOPE, down, features, up
from isthmus.networks.images import as_images
from isthmus.networks.randomness import batches, generator, seeded

HIDDEN = 256
"""Units between the convolutions and the code."""

LOG_VARIANCE = (-12.0, 4.0)
"""Bounds of the posterior's log variance, so that its exponential stays finite."""

DISCRIMINATOR_PACE = 0.5
"""Learning rate of the discriminator, in that of the encoder and the decoder."""

LARGEST_GRADIENT = 1000.0
"""Gradients are clipped to this norm, a few times what is usual, in nats per image."""

CHUNK = 256
"""Images encoded or decoded at a time."""


class VaeGan(nn.Module):
    """Encoder to a normal posterior, decoder to pixels in [0, 1], discriminator of images.

    Args:
        side: Side of the grey images in pixels, see `isthmus.networks.convolutional.halvings`.
        latent: Dimension of the code.
        width: Channels of the first convolution, a multiple of 4.
        seed: Of the initial weights.

    Raises:
        InputError: A size makes no sense.
    """

    def __init__(self, side: int = 16, latent: int = 16, width: int = 32, *, seed: int = 0) -> None:
        super().__init__()
        if latent < 1:
            raise InputError("latent", f"is {latent}", mend="use at least one dimension")
        self.side, self.latent, self.width = side, latent, width
        size = features(side, width)
        with seeded(seed):
            self.encoder = nn.Sequential(
                down(side, width),
                nn.Linear(size, HIDDEN),
                nn.LeakyReLU(SLOPE),
                nn.Linear(HIDDEN, 2 * latent),
            )
            self.decoder = nn.Sequential(
                nn.Linear(latent, HIDDEN),
                nn.LeakyReLU(SLOPE),
                nn.Linear(HIDDEN, size),
                up(side, width),
                nn.Sigmoid(),
            )
            self.discriminator = nn.Sequential(down(side, width), nn.Linear(size, 1))

    @property
    def config(self) -> dict[str, int]:
        """What `isthmus.networks.storage.load` rebuilds the model from."""
        return {"side": self.side, "latent": self.latent, "width": self.width}

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of q(z | x), each `(n, latent)`, for `(n, 1, side, side)`."""
        mean, log_variance = self.encoder(images).chunk(2, 1)
        return mean, log_variance.clamp(*LOG_VARIANCE)


def fit(
    model: VaeGan,
    images_a: Any,
    images_b: Any,
    *,
    steps: int,
    batch_size: int,
    learning_rate: float,
    kl_weight: float,
    adversarial_weight: float,
    seed: int,
    on_step: Callable[[int, dict[str, float]], None] | None = None,
) -> dict[str, list[float]]:
    """Train on both domains at once, in place, half of each step's images from each.

    The encoder and the decoder minimise, in nats per image,

        -log N(x; y, v I) + kl_weight KL(q(z|x) || N(0, I)) - adversarial_weight log D(y'),

    where y is the reconstruction, v its mean square error over the step's images, and y' stands for
    the 2 `batch_size` reconstructions and `batch_size` images decoded from N(0, I). The
    discriminator minimises the logistic loss of x against all y'. Two Adams take turns, their
    learning rates lowered to zero along half a cosine. One thread gives the same bytes each time.

    Args:
        model: The model.
        images_a: Images of domain A, floats `(n, 1, side, side)` in [0, 1].
        images_b: Images of domain B, likewise; their number may differ.
        steps: Number of steps.
        batch_size: Images of each domain in a step.
        learning_rate: Step size of the encoder and the decoder at the start.
        kl_weight: Weight of the KL term; 1 is the evidence lower bound.
        adversarial_weight: Weight of the GAN term.
        seed: Of the batches and the noise.
        on_step: Called after each step with its number and its losses.

    Returns:
        The losses of each step: `reconstruction` (the first term above), `kl`, `generator`,
        `discriminator`.

    Raises:
        InputError: The images cannot be used, or the training diverged; the model then has the
            finite weights of the step before.
    """
    a = as_images(images_a, "images_a", side=model.side)
    b = as_images(images_b, "images_b", side=model.side)
    draws_a = batches(len(a), batch_size, generator(seed, "a"))
    draws_b = batches(len(b), batch_size, generator(seed, "b"))
    noise = generator(seed, "noise")
    players = [
        _Player([model.encoder, model.decoder], learning_rate, steps, (0.9, 0.99)),
        _Player([model.discriminator], DISCRIMINATOR_PACE * learning_rate, steps, (0.5, 0.99)),
    ]
    curves: dict[str, list[float]] = {}
    for step in range(steps):
        x = torch.cat([a[next(draws_a)], b[next(draws_b)]])
        mean, log_variance = model.posterior(x)
        z = losses.reparameterise(mean, log_variance, torch.randn(mean.shape, generator=noise))
        prior = torch.randn(batch_size, model.latent, generator=noise)
        fake = model.decoder(torch.cat([z, prior]))
        y = fake[: len(x)]

        real_logits, fake_logits = model.discriminator(torch.cat([x, fake.detach()])).split(
            [len(x), len(fake)]
        )
        discriminator = losses.discriminator_loss(real_logits, fake_logits)
        players[1].step(discriminator, step)

        reconstruction = losses.gaussian_nll(y, x, losses.best_variance(y, x)).mean()
        kl = losses.kl_divergence(mean, log_variance).mean()
        model.discriminator.requires_grad_(False)
        deception = losses.generator_loss(model.discriminator(fake))
        model.discriminator.requires_grad_(True)
        players[0].step(reconstruction + kl_weight * kl + adversarial_weight * deception, step)

        values = {
            "reconstruction": reconstruction.item(),
            "kl": kl.item(),
            "generator": deception.item(),
            "discriminator": discriminator.item(),
        }
        for name, value in values.items():
            curves.setdefault(name, []).append(value)
        if on_step:
            on_step(step, values)
    return curves


class _Player:
    """One side of the game: its parameters and its Adam."""

    def __init__(
        self,
        networks: Iterable[nn.Module],
        learning_rate: float,
        steps: int,
        betas: tuple[float, float],
    ) -> None:
        self.parameters = [p for network in networks for p in network.parameters()]
        self.adam = torch.optim.Adam(self.parameters, lr=learning_rate, betas=betas, fused=True)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(self.adam, steps)

    def step(self, loss: Tensor, number: int) -> None:
        self.adam.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.parameters, LARGEST_GRADIENT)
        if not math.isfinite(loss.item() + norm.item()):
            raise InputError(
                "embedding",
                f"the training diverged at step {number}: loss {loss.item()}, gradient {norm}",
                mend="lower the learning rate or the weights of the terms",
            )
        self.adam.step()
        self.schedule.step()


@torch.no_grad()
def encode(model: VaeGan, images: Any) -> Tensor:
    """The posterior means `(n, latent)` of images `(n, 1, side, side)`, floats in [0, 1].

    Raises:
        InputError: The images cannot be used.
    """
    images = as_images(images, "images", side=model.side)
    return torch.cat([model.posterior(chunk)[0] for chunk in images.split(CHUNK)])


@torch.no_grad()
def decode(model: VaeGan, codes: Any) -> Tensor:
    """The images `(n, 1, side, side)`, in [0, 1], of codes `(n, latent)`.

    Raises:
        InputError: The codes have another shape or are not finite.
    """
    codes = torch.as_tensor(codes, dtype=torch.float32)
    if codes.dim() != 2 or codes.shape[1] != model.latent or not codes.numel():
        problem = f"has shape {tuple(codes.shape)}"
        raise InputError("codes", problem, mend=f"give one row a code, (n, {model.latent})")
    wrong = ~codes.isfinite().all(1)
    if wrong.any():
        row = f"row {int(wrong.nonzero()[0])}"
        raise InputError("codes", "is not finite", field=row, mend="drop it, or mend what made it")
    return torch.cat([model.decoder(chunk) for chunk in codes.split(CHUNK)])


@torch.no_grad()
def evaluate(model: VaeGan, images: Any, *, seed: int) -> dict[str, float]:
    """How well images, best held out, are embedded.

    Args:
        model: The model.
        images: Floats `(n, 1, side, side)` in [0, 1].
        seed: Of the one code drawn for each image.

    Returns:
        `mean_squared_error` of decoded posterior means, a pixel; `kl` and `elbo` in nats per
        image, the noise variance of the likelihood the best one for these images.

    Raises:
        InputError: The images cannot be used.
    """
    images = as_images(images, "images", side=model.side)
    posteriors = [model.posterior(chunk) for chunk in images.split(CHUNK)]
    mean, log_variance = (torch.cat(part) for part in zip(*posteriors, strict=True))
    noise = torch.randn(mean.shape, generator=generator(seed, "evaluate"))
    drawn = decode(model, losses.reparameterise(mean, log_variance, noise))
    nll = losses.gaussian_nll(drawn, images, losses.best_variance(drawn, images)).mean()
    kl = losses.kl_divergence(mean, log_variance).mean()
    return {
        "mean_squared_error": (decode(model, mean) - images).square().mean().item(),
        "kl": kl.item(),
        "elbo": -(nll + kl).item(),
    }

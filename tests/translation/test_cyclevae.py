from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch.distributions import Normal, kl_divergence

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.cyclevae import CycleVae, CycleVaeTerms

SMALL = {"side": 8, "width": 4, "levels": 2, "attribute": 3, "rest": 5}


def cyclevae(terms: CycleVaeTerms | None = None) -> CycleVae:
    return CycleVae(**SMALL, terms=terms, seed=1)


def batch(count: int = 4) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(0)
    images = torch.rand(count, 4, 1, 8, 8, generator=source) * 2 - 1
    return images[:, 0], images[:, 1:]


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(5)


def test_joined_passes_give_what_the_formulas_say() -> None:
    model, (a, b) = cyclevae(CycleVaeTerms(2, 3, 4)), batch()
    b1, b2, b3 = b.unbind(1)
    found = model.generator_losses(a, b, noise()).losses
    draws = noise()
    e = torch.randn(8, 5, generator=draws)
    z = torch.randn(4, 5, generator=draws)

    def decode(attribute: Tensor, rest: Tensor) -> Tensor:
        return model.decoder(torch.cat([attribute, rest], 1))

    error, divergence = torch.zeros(()), torch.zeros(())
    for x, partner, drawn in ((b1, b3, e[:4]), (b3, b1, e[4:])):
        _, mean, log_variance = model.encode(x)
        deviation = (log_variance / 2).exp()
        image = decode(model.encode(partner)[0], mean + deviation * drawn)
        error = error + ((image + 1) / 2 - (x + 1) / 2).square().mean() / 2
        kl = kl_divergence(Normal(mean, deviation), Normal(0.0, 1.0)).sum(1).mean()
        divergence = divergence + kl / 64 / 2
    first, second = (model.encode(decode(model.encode(x)[0], z))[1] for x in (b1, b2))
    assert found["reconstruction"].item() == pytest.approx(2 * error.item(), rel=1e-4)
    assert found["divergence"].item() == pytest.approx(3 * divergence.item(), rel=1e-4)
    assert found["cycle"].item() == pytest.approx(
        4 * (first - second).abs().mean().item(), rel=1e-3
    )


def test_the_reverse_cycle_trains_the_encoder_alone() -> None:
    model, (a, b) = cyclevae(), batch()
    model.generator_losses(a, b, noise()).losses["cycle"].backward()
    assert all(p.grad is None for p in model.decoder.parameters())
    assert any(p.grad is not None and p.grad.any() for p in model.encoder.parameters())


def test_real_images_play_no_part_in_training() -> None:
    model, (a, b) = cyclevae(), batch()
    one, two = (model.generator_losses(x, b, noise()).losses for x in (a, -a))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_the_attribute_comes_from_the_guide_without_noise() -> None:
    model, (a, b) = cyclevae(), batch()
    guide = b[:, 0]
    code = torch.cat([model.encode(guide)[0], model.encode(a)[1]], 1)
    torch.testing.assert_close(model.translate(a, "a2b", guide), model.decoder(code))
    with pytest.raises(InputError, match="guide"):
        model.translate(a, "a2b")


def test_it_learns_what_a_pair_shares() -> None:
    """Images of one grey: brightness above is shared by b1 and b3, brightness below is not."""
    source = torch.Generator().manual_seed(0)
    above, below = torch.rand(2, 64, 2, generator=source) * 1.6 - 0.8

    def image(top: Tensor, bottom: Tensor) -> Tensor:
        return torch.cat([v[:, None, None, None].expand(-1, 1, 4, 8) for v in (top, bottom)], 2)

    b1, b2 = image(above[:, 0], below[:, 0]), image(above[:, 1], below[:, 1])
    b = torch.stack([b1, b2, image(above[:, 0], below[:, 1])], 1)
    model, draws = cyclevae(CycleVaeTerms(divergence=0.01, cycle=1)), noise()
    adam = torch.optim.Adam(model.generator_parameters(), lr=5e-3)
    for _ in range(300):
        adam.zero_grad()
        losses = model.generator_losses(b1, b, draws).losses
        torch.stack(list(losses.values())).sum().backward()
        adam.step()
    with torch.no_grad():
        moved = model.translate(b2, "a2b", b1)
    top, bottom = moved[:, 0, :4].mean((1, 2)), moved[:, 0, 4:].mean((1, 2))
    assert (top - above[:, 0]).abs().mean() < 0.1 < (top - above[:, 1]).abs().mean()
    assert (bottom - below[:, 1]).abs().mean() < 0.2 < (bottom - below[:, 0]).abs().mean()


def test_there_is_no_adversary() -> None:
    model, (a, b) = cyclevae(), batch()
    assert not list(model.discriminator_parameters())
    assert model.discriminator_losses(a, b, {}, {}, noise()) == {}
    assert len(list(model.generator_parameters())) == len(list(model.parameters()))


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = cyclevae(), batch()
    save(model, tmp_path)
    found = load(CycleVae, tmp_path)
    guide = b[:, 0]
    assert torch.equal(found.translate(a, "b2a", guide), model.translate(a, "b2a", guide))


def test_data_and_sizes_are_checked() -> None:
    model, (a, b) = cyclevae(), batch()
    model.check(a, b)
    with pytest.raises(InputError) as caught:
        model.check(a, b[:, 0])
    assert caught.value.where == "b"
    for wrong in ({"attribute": 0}, {"rest": 0}, {"levels": 4}):
        with pytest.raises(InputError):
            CycleVae(**SMALL | wrong)

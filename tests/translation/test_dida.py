from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, l1_loss, softplus

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.dida import Dida, DidaTerms, labelled
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import to_unit

SMALL = {"side": 8, "width": 4, "levels": 2, "common": 4, "separate": 6, "classes": 3}


def dida(terms: DidaTerms | None = None) -> Dida:
    return Dida(**SMALL, terms=terms, seed=1)


def batch(count: int = 4) -> tuple[Tensor, Tensor, Tensor]:
    """Real images, labelled ones, and the labels."""
    source = torch.Generator().manual_seed(0)
    a, b = torch.randint(256, (2, count, 1, 8, 8), generator=source, dtype=torch.uint8)
    labels = torch.arange(count) % 3
    return a, labelled(b, labels), labels


def noise() -> torch.Generator:
    return torch.Generator().manual_seed(0)


def fix(layer: nn.Module, bias: list[float]) -> None:
    with torch.no_grad():
        layer.weight.zero_()  # type: ignore[operator, union-attr]
        layer.bias.copy_(torch.tensor(bias))  # type: ignore[operator, union-attr]


@pytest.mark.parametrize("channels", [1, 3])
def test_a_label_fills_the_first_channel(channels: int) -> None:
    images = torch.randint(256, (4, channels, 8, 8), dtype=torch.uint8)
    found = labelled(images, torch.tensor([0, 255, 7, 1]))
    assert found.dtype == torch.uint8
    assert found[:, 0].flatten(1).unique(dim=1).squeeze(1).tolist() == [0, 255, 7, 1]
    assert torch.equal(found[:, 1:], images)


def test_joined_passes_give_what_the_formulas_say() -> None:
    model = dida(DidaTerms(2, 3, 4, 5, 6))
    a, b, labels = batch()
    x, y = to_unit(a), to_unit(b)[:, 1:]
    both, chance = torch.cat([x, y]), math.log(3)

    def decode(common: Tensor, separate: Tensor) -> Tensor:
        return model.decoder(torch.cat([common, separate], 1))

    names = torch.cat([model.head(model.common(x)).argmax(1), labels])
    read = cross_entropy(model.adversary(model.separate(both)), names)
    logit_a, logit_b = model.critic(model.common(x)), model.critic(model.common(y))
    new = decode(model.common(y), model.separate(x))
    rebuilt = decode(model.common(both), model.separate(both))
    expected = {
        "label": 2 * cross_entropy(model.head(model.common(y)), labels),
        "domain": 3 * (softplus(logit_a).mean() + softplus(-logit_b).mean()) / 2,
        "reconstruction": 4 * l1_loss(rebuilt, both),
        "adversary": -5 * min(read.item(), chance) * torch.ones(()),
        "synthesis": 6 * cross_entropy(model.head(model.common(new)), labels),
    }
    found = model.generator_losses(to_unit(a), to_unit(b), noise()).losses
    assert found.keys() == expected.keys()
    for name, value in found.items():
        assert value.item() == pytest.approx(expected[name].item(), rel=1e-4), name
    own = model.discriminator_losses(to_unit(a), to_unit(b), {}, {}, noise())
    assert own["reader"].item() == pytest.approx(read.item(), rel=1e-4)
    right = (softplus(-logit_a).mean() + softplus(logit_b).mean()) / 2
    assert own["critic"].item() == pytest.approx(right.item(), rel=1e-4)


def test_the_adversary_asks_for_no_more_than_a_guess() -> None:
    """A reader that is sure of the wrong class pulls at nothing; one that is right is resisted."""
    model, (a, b, _) = dida(), batch()
    fix(model.head, [9.0, 0.0, 0.0])
    for bias, expected in (([0.0, 0.0, 50.0], -7 * math.log(3)), ([0.0, 0.0, 0.0], None)):
        fix(model.adversary[-1], bias)
        found = model.generator_losses(to_unit(a), to_unit(b), noise()).losses["adversary"]
        assert found.item() == pytest.approx(expected or -7 * math.log(3))
    model.separate.zero_grad()
    fix(model.adversary[-1], [0.0, 0.0, 50.0])
    model.generator_losses(to_unit(a), to_unit(b), noise()).losses["adversary"].backward()
    assert not any(p.grad.any() for p in model.separate.parameters() if p.grad is not None)


def test_the_autoencoder_leaves_the_common_code_alone() -> None:
    model, (a, b, _) = dida(), batch()
    found = model.generator_losses(to_unit(a), to_unit(b), noise()).losses
    found["reconstruction"].backward()
    assert all(p.grad is None for p in model.common.parameters())
    assert all(p.grad is not None for p in model.separate.parameters())


def test_the_attribute_comes_from_the_guide() -> None:
    model, (a, b, _) = dida(), batch()
    x, y = to_unit(a), to_unit(b)[:, 1:]
    found = model.translate(x, "a2b", y)
    code = torch.cat([model.common(y), model.separate(x)], 1)
    torch.testing.assert_close(found, model.decoder(code))
    with pytest.raises(InputError, match="guide"):
        model.translate(x, "a2b")


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b, _) = dida(), batch()
    own = model.discriminator_losses(to_unit(a), to_unit(b), {}, {}, noise())
    torch.stack(list(own.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    passed = model.generator_losses(to_unit(a), to_unit(b), noise())
    torch.stack(list(passed.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert len(sides) == len({id(p) for p in sides}) == len(list(model.parameters()))


def test_it_trains_and_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b, _) = dida(), batch()
    trainer = Trainer(model, a, b, Training(3, batch_size=2, history=0), seed=0)
    trainer.run()
    assert all(math.isfinite(value) for curve in trainer.curves.values() for value in curve)
    save(model, tmp_path)
    x, y = to_unit(a), to_unit(b)[:, 1:]
    assert torch.equal(load(Dida, tmp_path).translate(x, "a2b", y), model.translate(x, "a2b", y))


def test_data_and_sizes_are_checked() -> None:
    model, (a, b, labels) = dida(), batch()
    spoilt = b.clone()
    spoilt[1, 0, 2, 2] += 1
    for wrong in (b[:, 1:], labelled(b[:, 1:], labels + 1), spoilt):
        with pytest.raises(InputError) as caught:
            model.check(a, wrong)
        assert caught.value.where == "b"
    with pytest.raises(InputError, match="a: has shape"):
        model.check(b, b)
    for classes in (1, 257):
        with pytest.raises(InputError, match="classes"):
            Dida(**SMALL | {"classes": classes})

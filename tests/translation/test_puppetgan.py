from __future__ import annotations

import itertools
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss

from isthmus.errors import InputError
from isthmus.networks.storage import load, save
from isthmus.translation.puppetgan import PuppetGan, PuppetTerms
from isthmus.translation.trainer import Trainer, Training
from isthmus.translation.translator import GeneratorPass

SMALL = {
    "channels": 2,
    "side": 8,
    "width": 4,
    "levels": 2,
    "attribute": 3,
    "rest": 2,
    "discriminator_width": 4,
    "discriminator_levels": 1,
}
TERMS = PuppetTerms(noise=0)


def puppetgan(terms: PuppetTerms = TERMS, **sizes: int) -> PuppetGan:
    return PuppetGan(**SMALL | sizes, terms=terms, seed=1)


def batch(seed: int = 0, count: int = 3, attributes: int = 1) -> tuple[Tensor, Tensor]:
    source = torch.Generator().manual_seed(seed)
    images = torch.rand(count, 1 + 3 * attributes, 2, 8, 8, generator=source) * 2 - 1
    return images[:, 0], images[:, 1:]


def passed(model: PuppetGan, a: Tensor, b: Tensor, seed: int = 0) -> GeneratorPass:
    return model.generator_losses(a, b, torch.Generator().manual_seed(seed))


def values(model: PuppetGan, a: Tensor, b: Tensor) -> dict[str, float]:
    return {name: value.item() for name, value in passed(model, a, b).losses.items()}


class Oracle(nn.Module):
    """An encoder that reads the first numbers of an image, or the decoder that writes them."""

    def __init__(self, code: int, *, writes: bool) -> None:
        super().__init__()
        self.code, self.writes = code, writes

    def forward(self, x: Tensor) -> Tensor:
        if not self.writes:
            return x.flatten(1)[:, : self.code]
        image = torch.zeros(len(x), 2 * 8 * 8)
        image[:, : self.code] = x
        return image.unflatten(1, (2, 8, 8))


def with_oracle(terms: PuppetTerms = TERMS, **sizes: int) -> PuppetGan:
    model = puppetgan(terms, **sizes)
    code = sizes.get("attributes", 1) * 3 + 2
    model.encoders = nn.ModuleList([Oracle(code, writes=False)])
    model.decoders = nn.ModuleDict({d: Oracle(code, writes=True) for d in "ab"})
    return model


def written(code: Tensor) -> Tensor:
    return Oracle(code.shape[1], writes=True)(code)


def demonstrations(attributes: int = 1) -> tuple[Tensor, Tensor]:
    """Images that the oracle reads, the triplets as they should be."""
    source, code = torch.Generator().manual_seed(3), attributes * 3 + 2
    triplets = []
    for k in range(attributes):
        b1, b2 = torch.rand(2, 4, code, generator=source)
        b3 = b2.clone()
        b3[:, 3 * k : 3 * k + 3] = b1[:, 3 * k : 3 * k + 3]
        triplets += [b1, b2, b3]
    a = torch.rand(4, code, generator=source)
    return written(a), torch.stack([written(b) for b in triplets], 1)


@pytest.mark.parametrize("attributes", [1, 2])
def test_an_oracle_costs_nothing_but_the_game(attributes: int) -> None:
    found = values(with_oracle(attributes=attributes), *demonstrations(attributes))
    assert {name for name, value in found.items() if value} == {"gan/a", "gan/b"}


@pytest.mark.parametrize(
    ("member", "changed"),
    [
        (0, {"disentanglement", "attribute_cycle/b"}),
        (1, {"disentanglement", "attribute_cycle/b"}),
        (2, {"disentanglement", "attribute_cycle/b"}),
    ],
)
def test_only_the_supervised_terms_see_which_member_is_which(
    member: int, changed: set[str]
) -> None:
    """A wrong member is still an image, which an oracle reconstructs and cycles."""
    a, b = demonstrations()
    b = b.clone()
    b[:, member] = b[:, member].roll(1, 0)
    found = values(with_oracle(replace(TERMS, gan=0)), a, b)
    assert {name for name, value in found.items() if value} == changed


def test_the_attribute_comes_from_the_guide_and_the_image_stays_in_its_domain() -> None:
    (a, b), model = demonstrations(), with_oracle()
    moved = model.translate(a, "a2b", b[:, 0]).flatten(1)
    assert torch.equal(moved[:, :3], b[:, 0].flatten(1)[:, :3])
    assert torch.equal(moved[:, 3:], a.flatten(1)[:, 3:])
    model.decoders["b"] = nn.Identity()
    assert torch.equal(model.translate(a, "a2b", b[:, 0]).flatten(1), moved)
    assert model.translate(b[:, 0], "b2a", a).shape == (4, 5)


def test_one_of_several_attributes_can_be_moved_alone() -> None:
    (a, b), model = demonstrations(2), with_oracle(attributes=2)
    guide, kept = b[:, 0].flatten(1)[:, :8], a.flatten(1)[:, :8]
    for attribute, taken in ((None, slice(0, 6)), (0, slice(0, 3)), (1, slice(3, 6))):
        expected = kept.clone()
        expected[:, taken] = guide[:, taken]
        found = model.move(a, "a2b", b[:, 0], attribute)
        assert torch.equal(found.flatten(1)[:, :8], expected)
    assert torch.equal(model.translate(a, "a2b", b[:, 0]), model.move(a, "a2b", b[:, 0]))


@pytest.mark.parametrize("encoders", [1, 2])
@pytest.mark.parametrize("attributes", [1, 2])
def test_joined_passes_give_what_the_formulas_say(attributes: int, encoders: int) -> None:
    weights = PuppetTerms(2, 3, 4, 5, 6, 7, noise=0)
    model = puppetgan(weights, attributes=attributes, encoders=encoders)
    a, b = batch(attributes=attributes)
    kinds = range(3 * attributes)
    part = [slice(3 * k, 3 * k + 3) for k in range(attributes)]

    def mixed(into: str, moved: Tensor, kept: Tensor, k: int) -> Tensor:
        code = kept.clone()
        code[:, part[k]] = moved[:, part[k]]
        return model.decoders[into](code)

    def own(x: Tensor, domain: str) -> Tensor:
        return model.encoders[(encoders - 1) * "ab".index(domain)](x)

    code, codes = own(a, "a"), [own(b[:, i], "b") for i in kinds]
    decode = model.decoders
    made: dict[str, list[Tensor]] = {"a": [decode["a"](code)], "b": []}
    in_b = decode["b"](code)
    home = decode["a"](own(in_b, "b"))
    made["a"].append(home)
    made["b"].append(in_b)
    terms = [("reconstruction/a", 2, made["a"][0], a), ("cycle/a", 4, home, a)]
    for i in kinds:
        same, in_a = decode["b"](codes[i]), decode["a"](codes[i])
        back = decode["b"](own(in_a, "a"))
        made["a"].append(in_a)
        made["b"] += [same, back]
        terms += [("reconstruction/b", 2, same, b[:, i]), ("cycle/b", 4, back, b[:, i])]
    for k in range(attributes):
        c1, c2, b3 = codes[3 * k], codes[3 * k + 1], b[:, 3 * k + 2]
        shown, driven = mixed("b", c1, c2, k), mixed("a", c1, code, k)
        star_b = mixed("b", own(driven, "a"), c2, k)
        replaced = mixed("b", code, c1, k)
        star_a = mixed("a", own(replaced, "b"), code, k)
        made["a"] += [driven, star_a]
        made["b"] += [shown, star_b, replaced]
        terms += [("disentanglement", 3, shown, b3), ("attribute_cycle/b", 5, star_b, b3)]
        terms += [("attribute_cycle/a", 6, star_a, a)]
    expected: dict[str, float] = {}
    for name, weight, image, wanted in terms:
        expected[name] = expected.get(name, 0) + weight * l1_loss(image, wanted).item()
    for d, images in made.items():
        scores = [model.judges[d](image) for image in images]
        expected[f"gan/{d}"] = sum(7 * (score - 1).square().mean().item() for score in scores)
    found = passed(model, a, b)
    assert found.losses.keys() == expected.keys()
    for name, value in found.losses.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-4), name
    for d, images in made.items():
        assert len(found.translations[d]) == len(a) * len(images)
        torch.testing.assert_close(found.translations[d].sum(), torch.cat(images).sum())


def test_noise_is_on_generated_images_that_are_encoded_again_and_nowhere_else() -> None:
    model, (a, b) = puppetgan(replace(TERMS, noise=0.25)), batch(count=32)
    seen: list[Tensor] = []
    model.encoders[0].register_forward_pre_hook(lambda _, x: seen.append(x[0].detach()))
    found = passed(model, a, b)
    assert torch.equal(seen[0], a)
    assert torch.equal(seen[1], torch.cat(b.unbind(1)))
    into_a, into_b = found.translations["a"].detach(), found.translations["b"].detach()
    again = {"a": into_a[32 : 5 * 32], "b": into_b[4 * 32 : 6 * 32]}
    for noisy, clean in zip(seen[2:], again.values(), strict=True):
        added = noisy - clean
        assert added.std().item() == pytest.approx(0.25, rel=0.03)
        assert abs(added.mean().item()) < 0.01
    assert torch.equal(model.translate(a, "a2b", b[:, 0]), model.translate(a, "a2b", b[:, 0]))
    assert values(model, a, b) == values(model, a, b)


@pytest.mark.parametrize(
    ("terms", "without", "into_a", "into_b"),
    [
        (replace(TERMS, gan=0), {"gan/a", "gan/b"}, 7, 10),
        (replace(TERMS, attribute_cycle_a=0), {"attribute_cycle/a"}, 6, 10),
        (replace(TERMS, attribute_cycle_b=0), {"attribute_cycle/b"}, 7, 9),
    ],
)
def test_a_term_without_weight_is_left_out_with_its_images(
    terms: PuppetTerms, without: set[str], into_a: int, into_b: int
) -> None:
    a, b = batch()
    found, full = (passed(puppetgan(each), a, b) for each in (terms, TERMS))
    assert full.losses.keys() - found.losses.keys() == without
    for name, value in found.losses.items():
        if "gan" not in name:
            assert value.item() == pytest.approx(full.losses[name].item(), rel=1e-5)
    assert len(found.translations["a"]) == 3 * into_a
    assert len(found.translations["b"]) == 3 * into_b


def test_the_encoder_is_common_unless_asked_for() -> None:
    a, _ = batch()
    common, apart = puppetgan(), puppetgan(encoders=2)
    assert torch.equal(common.encode(a, "a"), common.encode(a, "b"))
    assert not torch.equal(apart.encode(a, "a"), apart.encode(a, "b"))


def test_discriminators_compare_every_kind_with_all_members_of_the_triplets() -> None:
    model, (a, b) = puppetgan(), batch()
    fakes = {"a": torch.rand(5, 2, 8, 8), "b": torch.rand(7, 2, 8, 8)}
    found = model.discriminator_losses(a, b, fakes, {}, torch.Generator())
    for d, real in (("a", a), ("b", torch.cat(b.unbind(1)))):
        judge = model.judges[d]
        expected = (judge(real) - 1).square().mean() + judge(fakes[d]).square().mean()
        torch.testing.assert_close(found[f"discriminator/{d}"], expected)


def test_the_two_sides_train_their_own_parameters() -> None:
    model, (a, b) = puppetgan(PuppetTerms(), encoders=2), batch()
    found = passed(model, a, b)
    fakes = {name: images.detach() for name, images in found.translations.items()}
    own = model.discriminator_losses(a, b, fakes, {}, torch.Generator())
    torch.stack(list(own.values())).sum().backward()
    assert all(p.grad is None for p in model.generator_parameters())
    assert all(p.grad is not None for p in model.discriminator_parameters())
    torch.stack(list(found.losses.values())).sum().backward()
    assert all(p.grad is not None for p in model.generator_parameters())
    sides = [*model.generator_parameters(), *model.discriminator_parameters()]
    assert len(sides) == len({id(p) for p in sides}) == len(list(model.parameters()))


def test_the_published_size() -> None:
    with torch.device("meta"):
        model = PuppetGan(channels=3)
    widths = [3, 64, 128, 256, 512, 512]
    trunk = sum(16 * i * o for i, o in itertools.pairwise(widths)) + 128 * 512
    count = sum(p.numel() for p in model.generator_parameters() if p.dim() > 1)
    assert count == 3 * trunk


def bytes_of(x: Tensor) -> Tensor:
    return (x * 127.5 + 127.5).byte()


@pytest.mark.parametrize("data", ["random", "black", "white", "one image"])
def test_it_trains(data: str) -> None:
    model, (a, b) = puppetgan(PuppetTerms()), map(bytes_of, batch(count=6))
    match data:
        case "black" | "white":
            a, b = (torch.full_like(x, 255 * (data == "white")) for x in (a, b))
        case "one image":
            a = a[:1].expand_as(a).clone()
    trainer = Trainer(model, a, b, Training(3, batch_size=2, history=0), seed=0)
    trainer.run()
    assert all(math.isfinite(value) for curve in trainer.curves.values() for value in curve)


def test_it_comes_back_from_disk(tmp_path: Path) -> None:
    model, (a, b) = puppetgan(encoders=2), batch()
    save(model, tmp_path)
    found = load(PuppetGan, tmp_path)
    assert found.config == model.config
    assert torch.equal(found.translate(a, "a2b", b[:, 0]), model.translate(a, "a2b", b[:, 0]))


@pytest.mark.parametrize(
    "wrong",
    [{"attribute": 0}, {"rest": 0}, {"attributes": 0}, {"discriminator_levels": 2}, {"side": 6}],
)
def test_sizes_are_checked(wrong: dict[str, int]) -> None:
    with pytest.raises(InputError):
        puppetgan(**wrong)


def test_data_are_checked() -> None:
    a, b = map(bytes_of, batch())
    puppetgan().check(a, b)
    puppetgan(attributes=2).check(a, torch.cat([b, b], 1))
    wrong = {"a": (a[:, :1], b), "b": (a, b[:, :2]), "": (a, b[:, 0])}
    for name, pair in wrong.items():
        with pytest.raises(InputError) as caught:
            puppetgan().check(*pair)
        assert caught.value.where == (name or "b")
    with pytest.raises(InputError, match="guide"):
        puppetgan().translate(a, "a2b")
    with pytest.raises(InputError, match="direction"):
        puppetgan().translate(a, "a", a)  # type: ignore[arg-type]

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from isthmus.alignment.pixel_flow import NOISE, PixelFlow, Pixels, judge, pixel_flow
from isthmus.attributes.digits import Classifier
from isthmus.errors import InputError
from isthmus.stages.pixel_flow import draw

SMALL: dict[str, Any] = {
    "side": 4,
    "levels": 1,
    "flow_steps": 2,
    "filters": 4,
    "steps": 30,
    "batch_size": 32,
    "private_learning_rate": 5e-3,
    "learning_rate": 5e-3,
    "seed": 1,
}


def bars(count: int, upright: bool, seed: int) -> Tensor:
    """Images 8 x 8 of a bar, two pixels wide, at one of four places."""
    generator = torch.Generator().manual_seed(seed)
    places = torch.randint(4, (count,), generator=generator)
    rows = (torch.arange(8) // 2 == places[:, None]).float()
    images = rows[:, None, None, :].expand(count, 1, 8, 8)
    return (images if upright else images.mT).contiguous()


TRAIN = bars(120, True, 0), bars(150, False, 1)
TEST = bars(40, True, 2), bars(50, False, 3)


@pytest.fixture(scope="module")
def found() -> PixelFlow:
    return pixel_flow(TRAIN, TEST, **SMALL)


def test_points_are_pooled_images_in_the_unit_of_b_and_noise() -> None:
    pixels = Pixels.of(TEST[1], 4)
    points = pixels.points(TEST[0], torch.Generator().manual_seed(0))
    assert points.shape == (40, 16)
    raw = points * pixels.scale + pixels.mean - TEST[0][..., ::2, ::2].flatten(1)
    assert raw.abs().max() <= NOISE + 1e-6
    assert raw.std() == pytest.approx(NOISE / 3**0.5, rel=0.1)
    back = pixels.images(points)
    assert back.shape == (40, 1, 4, 4)
    assert (back - TEST[0][..., ::2, ::2]).abs().max() <= NOISE + 1e-6
    assert back.min() >= 0 and back.max() <= 1
    assert pixels.points(TEST[1], torch.Generator()).std() == pytest.approx(1, abs=0.02)


def test_the_control_starts_at_the_known_zero_and_the_identity_far_above(found: PixelFlow) -> None:
    start = found.runs["lrmf-back-to-back"].initial
    assert start.value == pytest.approx(0, abs=1e-3)
    assert start.error < 1e-3
    assert found.runs["lrmf-identity"].initial.value > 1


def test_each_run_descends_and_certifies_its_own_map(found: PixelFlow) -> None:
    for run in found.runs.values():
        assert run.curve.shape == (30,)
        assert run.moved.shape == found.a.shape
        assert run.final.error > 0
    identity = found.runs["lrmf-identity"]
    assert identity.final.value < identity.initial.value
    assert not torch.allclose(identity.moved, found.runs["lrmf-back-to-back"].moved)


def test_the_curve_starts_at_the_loss_of_the_identity_and_a_standard_normal() -> None:
    one_step = pixel_flow(TRAIN, TEST, **SMALL | {"steps": 1, "batch_size": 10_000})
    run = one_step.runs["lrmf-identity"]
    density = torch.distributions.Normal(0.0, 1.0)
    shared = sum(density.log_prob(x).sum(1).mean() for x in (one_step.a, one_step.b))
    expected = -sum(one_step.private_nll) - float(shared)
    assert run.initial.value == pytest.approx(expected, abs=0.1)


def test_the_same_seed_gives_the_same_runs(found: PixelFlow) -> None:
    again = pixel_flow(TRAIN, TEST, **SMALL)
    for name, run in found.runs.items():
        assert torch.equal(run.curve, again.runs[name].curve)
        assert torch.equal(run.moved, again.runs[name].moved)
    other = pixel_flow(TRAIN, TEST, **SMALL | {"seed": 2, "steps": 1})
    assert not torch.equal(found.a, other.a)


def test_the_judges_see_what_they_should(found: PixelFlow) -> None:
    classifier = Classifier(side=8, seed=0)
    digits = classifier.predict(TEST[0]).argmax(1)
    figures = judge(found, TEST[0], digits, classifier)
    assert figures.keys() == {"none", "lrmf-identity", "lrmf-back-to-back"}
    assert figures["none"].keys() == {"domain_accuracy", "kept", "accuracy"}
    for name, run in found.runs.items():
        assert figures[name]["loss"] == run.final.value
        assert figures[name]["loss_error"] == run.final.error
        assert figures[name]["loss_initial"] == run.initial.value
    for values in figures.values():
        assert values["kept"] == values["accuracy"]
    assert figures["none"]["domain_accuracy"] > 0.9


def test_the_digit_classifier_sees_each_pixel_as_a_block(found: PixelFlow) -> None:
    seen: list[Tensor] = []

    class Spy(Classifier):
        def predict(self, images: Any) -> Any:
            seen.append(torch.as_tensor(images))
            return super().predict(images)

    judge(found, TEST[0], np.zeros(40, int), Spy(side=8, seed=0))
    assert torch.equal(seen[1][..., ::2, ::2], found.pixels.images(found.a))
    assert torch.equal(seen[1][..., 1::2, ::2], seen[1][..., ::2, 1::2])


def test_the_figure_is_drawn_alike_twice(found: PixelFlow, tmp_path: Path) -> None:
    draw(found, tmp_path / "one.png")
    draw(found, tmp_path / "two.png")
    assert (tmp_path / "one.png").read_bytes() == (tmp_path / "two.png").read_bytes()


@pytest.mark.parametrize(
    ("change", "where"),
    [({"side": 3}, "side"), ({"side": 0}, "side"), ({"levels": 3}, "shape")],
)
def test_impossible_sizes_are_refused(change: dict[str, int], where: str) -> None:
    with pytest.raises(InputError, match=where):
        pixel_flow(TRAIN, TEST, **SMALL | change)


def test_images_that_are_none_are_refused_by_name() -> None:
    with pytest.raises(InputError, match="test b"):
        pixel_flow(TRAIN, (TEST[0], TEST[1] * 300), **SMALL)

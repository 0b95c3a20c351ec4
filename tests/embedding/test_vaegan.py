from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from isthmus.embedding.vaegan import CHUNK, VaeGan, decode, encode, evaluate, fit
from isthmus.errors import InputError

OPTIONS: dict[str, Any] = {
    "steps": 20,
    "batch_size": 8,
    "learning_rate": 0.003,
    "kl_weight": 1.0,
    "adversarial_weight": 5.0,
    "seed": 0,
}


def model(seed: int = 0) -> VaeGan:
    return VaeGan(8, 3, 8, seed=seed)


def bars(n: int, seed: int, brightness: float) -> np.ndarray:
    images = np.zeros((n, 1, 8, 8), np.float32)
    for image, column in zip(images[:, 0], np.random.default_rng(seed).integers(0, 8, n)):
        image[:, column] = brightness
    return images


def weights(network: torch.nn.Module) -> torch.Tensor:
    return torch.nn.utils.parameters_to_vector(network.parameters()).detach()


@pytest.fixture(scope="module")
def trained() -> tuple[VaeGan, dict[str, list[float]]]:
    torch.set_num_threads(1)
    network = model()
    return network, fit(
        network, bars(40, 0, 1.0), bars(60, 1, 0.4), **OPTIONS | {"steps": 400, "batch_size": 16}
    )


def test_both_domains_are_learnt(trained: tuple[VaeGan, dict[str, list[float]]]) -> None:
    network, curves = trained
    start = np.mean(curves["reconstruction"][:5])
    assert np.mean(curves["reconstruction"][-20:]) < start - 50
    for images in (bars(40, 2, 1.0), bars(40, 3, 0.4)):
        assert evaluate(network, images, seed=0)["mean_squared_error"] < 0.2 * images.var()


def test_the_posterior_becomes_sharp_where_it_is_used(
    trained: tuple[VaeGan, dict[str, list[float]]],
) -> None:
    mean, log_variance = trained[0].posterior(torch.from_numpy(bars(40, 2, 1.0)))
    used = mean.var(0) > 0.5
    assert used.any()
    assert (log_variance[:, used] < -2).all()


def test_the_domains_have_clouds_of_their_own(
    trained: tuple[VaeGan, dict[str, list[float]]],
) -> None:
    network, _ = trained
    a, b = encode(network, bars(40, 2, 1.0)), encode(network, bars(40, 3, 0.4))
    nearest = torch.cdist(torch.cat([a, b]), torch.cat([a, b])).fill_diagonal_(9e9).argmin(1)
    assert ((nearest < 40) == (torch.arange(80) < 40)).float().mean() > 0.95


def test_curves_have_a_value_a_step_and_on_step_sees_the_same() -> None:
    seen: list[dict[str, float]] = []

    def on_step(number: int, values: dict[str, float]) -> None:
        assert number == len(seen)
        seen.append(values)

    curves = fit(model(), bars(9, 0, 1.0), bars(9, 1, 0.4), **OPTIONS, on_step=on_step)
    assert list(curves) == ["reconstruction", "kl", "generator", "discriminator"]
    for name, values in curves.items():
        assert values == [each[name] for each in seen]
        assert len(values) == OPTIONS["steps"]


def test_the_seed_decides_and_the_global_generator_stays() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    found = []
    for seed in (0, 0, 1):
        network = model()
        fit(network, bars(9, 0, 1.0), bars(9, 1, 0.4), **OPTIONS | {"seed": seed})
        found.append(weights(network))
    assert torch.equal(torch.rand(2), expected)
    assert torch.equal(found[0], found[1])
    assert not torch.equal(found[0], found[2])
    assert not torch.equal(weights(model(0)), weights(model(1)))


def test_each_player_moves_its_own_weights_only(monkeypatch: pytest.MonkeyPatch) -> None:
    network = model()
    before = {name: weights(part) for name, part in network.named_children()}
    monkeypatch.setattr("isthmus.embedding.vaegan.DISCRIMINATOR_PACE", 0.0)
    fit(network, bars(9, 0, 1.0), bars(9, 1, 0.4), **OPTIONS)
    after = {name: weights(part) for name, part in network.named_children()}
    assert torch.equal(before["discriminator"], after["discriminator"])
    assert not torch.equal(before["encoder"], after["encoder"])
    assert not torch.equal(before["decoder"], after["decoder"])
    assert all(p.requires_grad for p in network.parameters())


def test_a_heavy_kl_term_brings_the_posterior_to_the_prior() -> None:
    last = [
        fit(
            model(),
            bars(40, 0, 1.0),
            bars(40, 1, 0.4),
            **OPTIONS | {"steps": 100, "kl_weight": weight},
        )["kl"][-1]
        for weight in (0.1, 100.0)
    ]
    assert last[1] < 0.3 < 3 < last[0]


def test_a_heavy_gan_term_makes_the_decoder_deceive() -> None:
    last = [
        np.mean(
            fit(
                model(),
                bars(40, 0, 1.0),
                bars(40, 1, 0.4),
                **OPTIONS | {"steps": 80, "adversarial_weight": weight},
            )["generator"][-30:]
        )
        for weight in (0.0, 300.0)
    ]
    assert last[1] < last[0] - 0.3


black, white = np.zeros((6, 1, 8, 8), np.float32), np.ones((6, 1, 8, 8), np.float32)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (black, black),
        (white, white),
        (black, white),
        (white, bars(6, 0, 1.0)),
        (bars(1, 0, 1.0), bars(6, 0, 1.0)),
        (bars(6, 0, 1.0), bars(1, 0, 1.0)),
        (np.float64(bars(2, 0, 0.5)), bars(3, 0, 1.0)),
    ],
)
def test_degenerate_images_are_trained_on_without_nan(a: np.ndarray, b: np.ndarray) -> None:
    network = model()
    curves = fit(network, a, b, **OPTIONS | {"steps": 40})
    assert np.isfinite(list(curves.values())).all()
    assert weights(network).isfinite().all()
    assert np.isfinite(list(evaluate(network, a, seed=0).values())).all()


def test_unusable_images_are_refused_by_name() -> None:
    good = bars(4, 0, 1.0)
    damaged = good.copy()
    damaged[3, 0, 2, 2] = np.nan
    for a, b, message in [
        (good, damaged, "images_b: image 3"),
        (np.uint8(255 * good), good, "images_a: has dtype uint8"),
        (good, np.zeros((4, 1, 16, 16), np.float32), r"images_b: has shape .* \(n, 1, 8, 8\)"),
        (good[:0], good, "images_a: holds no image"),
    ]:
        with pytest.raises(InputError, match=message):
            fit(model(), a, b, **OPTIONS)


def test_a_diverging_training_stops_with_finite_weights() -> None:
    network = model()
    with pytest.raises(InputError, match=r"diverged at step .*lower the learning rate"):
        fit(
            network,
            bars(9, 0, 1.0),
            bars(9, 1, 0.4),
            **OPTIONS | {"steps": 200, "learning_rate": 1e30},
        )
    assert weights(network).isfinite().all()


def test_images_do_not_depend_on_their_company() -> None:
    network, images = model(), bars(CHUNK + 2, 0, 1.0)
    codes = encode(network, images)
    assert codes.shape == (CHUNK + 2, 3)
    assert torch.allclose(codes[-1:], encode(network, images[-1:]), atol=1e-5)
    decoded = decode(network, codes.numpy())
    assert decoded.shape == images.shape
    assert torch.allclose(decoded[:1], decode(network, codes[:1]), atol=1e-5)
    assert not codes.requires_grad
    assert not decoded.requires_grad


def test_any_code_gives_pixels_between_zero_and_one() -> None:
    decoded = decode(model(), torch.tensor([[1e6, -1e6, 1e6], [0.0, 0.0, 0.0]]))
    assert decoded.min() >= 0
    assert decoded.max() <= 1
    assert decoded.isfinite().all()


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        (np.zeros((2, 4)), "shape"),
        (np.zeros(3), "shape"),
        (np.zeros((0, 3)), "shape"),
        (np.array([[0, 0, 0], [0, np.nan, 0]]), "row 1"),
    ],
)
def test_unusable_codes_are_refused(codes: np.ndarray, problem: str) -> None:
    with pytest.raises(InputError, match=f"codes: .*{problem}"):
        decode(model(), codes)


def test_an_untrained_model_has_a_lower_elbo_than_one_gaussian_fitted_to_noise() -> None:
    noise = np.random.default_rng(0).random((64, 1, 8, 8)).astype(np.float32)
    found = evaluate(model(), noise, seed=0)
    squares = ((decode(model(), encode(model(), noise)).numpy() - noise) ** 2).mean()
    assert found["mean_squared_error"] == pytest.approx(squares, rel=1e-5)
    assert found["kl"] >= 0
    assert found["elbo"] < 64 * -0.5 * (np.log(2 * np.pi * noise.var()) + 1)


@pytest.mark.parametrize(
    ("sizes", "field"), [((9, 3, 8), "side"), ((8, 0, 8), "latent"), ((8, 3, 6), "width")]
)
def test_sizes_without_sense_are_refused(sizes: tuple[int, int, int], field: str) -> None:
    with pytest.raises(InputError, match=field):
        VaeGan(*sizes)

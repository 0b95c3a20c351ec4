from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.data import cartoon_faces
from isthmus.data.cartoon_faces import (
    FIXED,
    LEVELS,
    LIGHT,
    LIGHTS,
    MOUTH,
    MOUTH_LEVELS,
    SHARED,
    SPECIFIC,
)
from isthmus.errors import InputError


def drawn(rows: int, seed: int = 0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    codes = {name: rng.integers(len(levels), size=rows) for name, levels in LEVELS.items()}
    return codes | {MOUTH: rng.choice(MOUTH_LEVELS, size=rows)}


def same(rows: int, **factors: Any) -> dict[str, Any]:
    """Rows with the middle pose and level 1 of everything else, but for what is given."""
    codes = {name: np.full(rows, 1) for name in LEVELS} | {"yaw": np.full(rows, 2)}
    return codes | {MOUTH: np.full(rows, 0.5)} | factors


@pytest.mark.parametrize(("style", "size"), [("clean", 16), ("clean", 32), ("real", 32)])
def test_decoding_inverts_rendering(style: Any, size: int) -> None:
    factors = drawn(300)
    images = cartoon_faces.render(factors, size, style=style, seed=4)
    decoded = cartoon_faces.decode(images, style=style)
    assert decoded.keys() == factors.keys()
    for name, codes in factors.items():
        np.testing.assert_array_equal(decoded[name], codes)


def test_decoding_finds_the_nearest_opening() -> None:
    factors = drawn(200)
    between = np.clip(factors[MOUTH] + np.random.default_rng(1).uniform(-0.04, 0.04, 200), 0, 1)
    decoded = cartoon_faces.decode(cartoon_faces.render(factors | {MOUTH: between}, 32))
    assert (np.abs(decoded[MOUTH] - between) <= 0.126).all()
    assert (decoded[MOUTH] == factors[MOUTH]).mean() > 0.9


@settings(max_examples=25, deadline=None)
@given(opening=st.floats(0, 0.999), seed=st.integers(0, 99))
def test_the_image_is_continuous_in_the_mouth(opening: float, seed: int) -> None:
    factors = drawn(5, seed)
    near, far = (
        cartoon_faces.render(factors | {MOUTH: np.full(5, opening + step)}, 32).astype(int)
        for step in (0, 1e-3)
    )
    assert np.abs(far - near).max() <= 2


def test_the_mouth_opens_and_nothing_else_moves() -> None:
    images = cartoon_faces.render(same(11, **{MOUTH: np.linspace(0, 1, 11)}), 64).astype(int)
    changes = np.abs(np.diff(images, axis=0)).max(axis=1)
    assert (changes.reshape(10, -1).max(axis=1) > 30).all()
    assert not changes[:, :36].any() and not changes[:, 58:].any()
    assert not changes[:, :, :18].any() and not changes[:, :, 46:].any()
    dark = (images.sum(axis=1) < 170)[:, 36:58, 18:46].sum(axis=(1, 2))
    assert (np.diff(dark) >= 0).all() and dark[-1] > dark[0] + 20


def test_the_mouth_fits_in_the_part_that_is_drawn() -> None:
    yaw, tilt, opening = (np.ravel(axis) for axis in np.meshgrid([0, 4], [0, 2], [0.0, 1.0]))
    factors = same(8, yaw=yaw, tilt=tilt, **{MOUTH: opening})
    opened = cartoon_faces.render(factors, 64).astype(int)
    other = cartoon_faces.render(factors | {MOUTH: 1 - opening}, 64).astype(int)
    rows, columns = np.nonzero(np.abs(opened - other).max(axis=(0, 1)))
    assert rows.min() > 0.60 * 64 and rows.max() < 0.88 * 64 - 1
    assert columns.min() > 0.22 * 64 and columns.max() < 0.78 * 64 - 1


@pytest.mark.parametrize("style", ["clean", "real"])
def test_a_factor_changes_its_own_pixels_only(style: Any) -> None:
    base = same(5)
    image = cartoon_faces.render(base, 64, style=style, seed=1)
    hair = cartoon_faces.render(
        base | {"hair_colour": np.arange(5), "facial_hair": base["facial_hair"] * 0},
        64,
        style=style,
        seed=1,
    )
    shaved = cartoon_faces.render(base | {"facial_hair": np.arange(5) % 4}, 64, style=style, seed=1)
    np.testing.assert_array_equal(hair[:, :, :3], image[:, :, :3])
    np.testing.assert_array_equal(shaved[:, :, :32], image[:, :, :32])
    assert (shaved[:, :, 36:] != image[:, :, 36:]).any(axis=(1, 2, 3)).tolist() == [
        code != 1 for code in np.arange(5) % 4
    ]


@pytest.mark.parametrize("style", ["clean", "real"])
def test_light_from_a_side_is_a_gain_along_x(style: Any) -> None:
    factors = drawn(20)
    plain, *lit = (
        cartoon_faces.render(factors | light, 32, style=style, seed=4).astype(float)
        for light in ({}, *({LIGHT: np.full(20, code)} for code in range(len(LIGHTS))))
    )
    left, front, right = lit
    assert np.array_equal(front, plain)
    assert left[..., :16].mean() > 1.1 * plain[..., :16].mean()
    assert left[..., 16:].mean() < 0.9 * plain[..., 16:].mean()
    if style == "clean":  # the noise of the other style is not lit
        gain = 1 + 0.4 * (1 - 2 * (np.arange(32) + 0.5) / 32)
        for image, along in ((left, gain), (right, gain[::-1])):
            close = np.abs(image - np.clip(plain * along, 0, 255)) <= 1.5
            assert close[plain < 255].all()  # elsewhere the unlit image was cut off


def test_light_that_is_refused() -> None:
    for codes in (np.full(3, 3), np.full(2, 0), np.full(3, 0.5)):
        with pytest.raises(InputError, match=r"light|lengths"):
            cartoon_faces.render(same(3, **{LIGHT: codes}), 32)


@pytest.mark.parametrize(("target", "style"), [("a", "clean"), ("b", "clean"), ("b", "real")])
def test_a_counterfactual_keeps_what_is_shared(target: Any, style: Any) -> None:
    table = cartoon_faces.load(32, style=style, train_size=60, test_size=1, seed=2)["train"]
    rows = {"a": np.arange(60), "b": np.arange(60, 120)}
    content = table.take(rows["b" if target == "a" else "a"])
    guide = table.take(rows[target])
    mouth = MOUTH_LEVELS[np.arange(60) % 9]
    right = cartoon_faces.counterfactual(content.factors | {MOUTH: mouth}, guide.factors, target)
    images = cartoon_faces.render(right, 32, style=style, seed=3)
    decoded = cartoon_faces.decode(images, style=style)
    for name in SHARED:
        np.testing.assert_array_equal(decoded[name], content.factors[name])
    for name in SPECIFIC[target]:
        np.testing.assert_array_equal(decoded[name], guide.factors[name])
    for name, code in FIXED[target].items():
        assert (decoded[name] == code).all()
    np.testing.assert_array_equal(decoded[MOUTH], mouth)


def test_the_domains() -> None:
    tables = cartoon_faces.load(16, train_size=400, test_size=50, seed=5)
    train, test = tables["train"], tables["test"]
    assert (len(train), len(test), train.shape) == (800, 100, (16, 16, 3))
    a, b = train.take(np.arange(400)).factors, train.take(np.arange(400, 800)).factors
    assert set(a["domain"]) == {0} and set(b["domain"]) == {1}
    assert set(a["facial_hair"]) == {0} and set(b["facial_hair"]) == {1, 2, 3}
    assert set(b["hair_colour"]) == {0} and set(a["hair_colour"]) == {1, 2, 3, 4}
    for name in SHARED:
        assert set(a[name]) == set(b[name]) == set(range(len(LEVELS[name])))
    assert train.measures[MOUTH].min() >= 0 and train.measures[MOUTH].max() <= 1
    drawn_again = cartoon_faces.render(train.factors | train.measures, 16)
    np.testing.assert_array_equal(train.values, drawn_again.transpose(0, 2, 3, 1))


def test_the_seed_decides_everything() -> None:
    first, again, other = (
        cartoon_faces.load(16, style="real", train_size=20, test_size=20, seed=seed)
        for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(first["train"].values, again["train"].values)
    assert (first["train"].values != other["train"].values).any()
    assert (first["train"].measures[MOUTH] != first["test"].measures[MOUTH]).all()


def test_real_images_carry_normal_noise() -> None:
    images = cartoon_faces.render(same(400), 16, style="real", seed=1).astype(float)
    middle = (images.mean(axis=0) > 30) & (images.mean(axis=0) < 225)
    assert images.std(axis=0)[middle].mean() == pytest.approx(7.0, rel=0.02)
    noise = (images - images.mean(axis=0))[:, middle]
    assert np.abs(np.corrcoef(noise[:50])[~np.eye(50, dtype=bool)]).mean() < 0.05


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"yaw": [5, 0]}, "yaw"),
        ({"skin": ["fair", "tan"]}, "skin"),
        ({MOUTH: [0.5]}, MOUTH),
        ({MOUTH: [0.5, 1.01]}, MOUTH),
        ({MOUTH: [0.5, float("nan")]}, MOUTH),
        ({MOUTH: None}, MOUTH),
        ({"eyes": None}, "eyes"),
    ],
)
def test_factors_that_are_refused(change: dict[str, Any], field: str) -> None:
    factors: dict[str, Any] = {name: [0, 1] for name in LEVELS} | {MOUTH: [0, 1]} | change
    with pytest.raises(InputError) as error:
        cartoon_faces.render({name: codes for name, codes in factors.items() if codes}, 32)
    assert error.value.field == field


def test_settings_that_are_refused() -> None:
    with pytest.raises(InputError, match="is 300 pixels"):
        cartoon_faces.render(same(1), 300)
    with pytest.raises(InputError, match="use clean or real"):
        cartoon_faces.render(same(1), 32, style="photo")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="train_size"):
        cartoon_faces.load(32, train_size=0, seed=0)
    with pytest.raises(InputError, match="uint8"):
        cartoon_faces.decode(np.zeros((1, 32, 32, 3), np.uint8))

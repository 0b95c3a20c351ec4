"""The parameter schema: what is refused, and what a scale is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from isthmus.config import Config, load
from isthmus.config.files import merge
from isthmus.config.loading import for_engine
from isthmus.config.validation import validate
from isthmus.errors import InputError

ROOT = Path(__file__).parents[1]
TREES = st.recursive(
    st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8
)
MAPPINGS = st.dictionaries(st.sampled_from("abc"), TREES)


@given(MAPPINGS, MAPPINGS)
def test_a_merge_keeps_the_overlay_and_what_it_does_not_name(base, overlay):
    out = merge(base, overlay)
    assert merge(out, overlay) == out
    assert set(out) == {*base, *overlay}
    for key, value in overlay.items():
        if not (isinstance(value, dict) and isinstance(base.get(key), dict)):
            assert out[key] == value


@given(MAPPINGS)
def test_merging_nothing_changes_nothing(base):
    assert merge(base, {}) == base
    assert merge({}, base) == base


@pytest.mark.parametrize("scale", ["smoke", "full", "paper"])
def test_a_scale_changes_what_its_file_names_and_nothing_else(scale):
    base, config = load(ROOT), load(ROOT, scale)
    overlay = yaml.safe_load((ROOT / f"workflow/scales/{scale}.yaml").read_text())
    expected = merge(base.model_dump(mode="json"), overlay) | {"scale": scale}
    assert config.model_dump(mode="json") == expected


def test_the_packaged_scales_download_nothing():
    for scale in ("smoke", "quick"):
        config = load(ROOT, scale)
        assert "usps" not in config.sources
        assert (config.data.mnist.train, config.data.mnist.test) == ("packaged", "packaged")


def test_no_number_has_a_default():
    def check(model):
        for field in model.model_fields.values():
            assert field.is_required()
            inner = field.annotation
            if hasattr(inner, "model_fields"):
                check(inner)

    check(Config)


def test_every_number_has_a_unit_and_bounds():
    def check(model):
        for name, field in model.model_fields.items():
            if hasattr(field.annotation, "model_fields"):
                check(field.annotation)
            elif field.annotation in (int, float):
                assert field.json_schema_extra["unit"], name
                assert len(field.metadata) >= 2, name

    check(Config)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"networks": {"levels": 2.5}}, "networks.levels"),
        ({"networks": {"levels": 99}}, "networks.levels"),
        ({"networks": {"levles": 2}}, "networks.levles"),
        ({"training": {"betas": [0.5]}}, "training.betas"),
        ({"training": {"steps": 0}}, "training.steps"),
    ],
)
def test_a_methods_own_settings_have_the_bounds_of_those_of_all(part, problem):
    values, path = load(ROOT).model_dump(mode="json"), ROOT / "params.yaml"
    validate(merge(values, {"translator": {"munit": {"networks": {"levels": 1}}}}), path, {})
    with pytest.raises(InputError, match=re.escape(f"translator.munit.{problem}")):
        validate(merge(values, {"translator": {"munit": part}}), path, {})


def test_the_engine_may_choose_the_scale_only():
    written = yaml.safe_load((ROOT / "params.yaml").read_text())
    assert for_engine(written | {"scale": "smoke"}, ROOT).scale == "smoke"
    with pytest.raises(InputError, match="seed"):
        for_engine(written | {"seed": 1}, ROOT)
    with pytest.raises(InputError, match="anything"):
        for_engine(written | {"anything": 1}, ROOT)


def test_params_named_for_another_scale_than_they_hold_are_refused(tmp_path):
    text = (ROOT / "params.yaml").read_text()
    (tmp_path / "params.yaml").write_text(re.sub("scale: quick", "scale: smoke", text))
    (tmp_path / "workflow").mkdir()
    (tmp_path / "workflow" / "scales").symlink_to(ROOT / "workflow" / "scales")
    with pytest.raises(InputError, match="isthmus scale smoke"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("part", "problem"),
    [
        ({"adapters": ["source-only", "dan"]}, "adapters: 'oracle', which"),
        ({"adapters": ["oracle", "source-only", "oracle"]}, "adapters: an entry stands twice"),
        ({"open_adapters": ["jan"]}, "open_adapters"),
    ],
)
def test_adapters_that_the_score_cannot_use_are_refused(part, problem):
    values = load(ROOT).model_dump(mode="json")
    with pytest.raises(InputError, match=re.escape(f"adaptation.{problem}")):
        validate(merge(values, {"adaptation": part}), ROOT / "params.yaml", {})

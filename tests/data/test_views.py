from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from isthmus.data.cameras import Cameras
from isthmus.data.view_noise import DEVIATION, rig
from isthmus.data.views import UNSEEN, VARIANCE, read_views, write_views
from isthmus.errors import InputError
from isthmus.metrics.pose import pmpjpe


@pytest.fixture(scope="module")
def made():
    return rig("rig", 30, test=True, seed=2)


def columns(frames=3, cameras=2, joints=5, **others):
    rng = np.random.default_rng(0)
    count = frames * cameras
    return {
        "frame": np.repeat(np.arange(frames), cameras),
        "camera": np.tile([f"cam{i}" for i in range(cameras)], frames),
        "keypoints": list(rng.uniform(0, 100, (count, 2 * joints))),
        **others,
    }


def write(path, given):
    pq.write_table(
        pa.table({k: pa.array(v) if not isinstance(v, pa.Array) else v for k, v in given.items()}),
        path,
    )
    return path


@pytest.mark.parametrize("name", ["rig", "ski"])
def test_a_table_comes_back_as_it_was_written(tmp_path, name):
    views = rig(name, 8, test=False, seed=0)
    write_views(views, tmp_path / "v.parquet")
    again = read_views(tmp_path / "v.parquet")
    for field in fields(views):
        before, after = getattr(views, field.name), getattr(again, field.name)
        if isinstance(before, Cameras):
            for key, value in vars(before).items():
                assert getattr(after, key) == pytest.approx(value)
        elif isinstance(before, np.ndarray) and before.dtype.kind == "f":
            assert after == pytest.approx(before)
        else:
            assert np.array_equal(before, after)
    first = (tmp_path / "v.parquet").read_bytes()
    write_views(views, tmp_path / "v.parquet")
    assert (tmp_path / "v.parquet").read_bytes() == first


def test_rows_may_stand_in_any_order_and_views_may_lack(tmp_path):
    given = columns()
    straight = read_views(write(tmp_path / "a.parquet", given))
    order = np.random.default_rng(1).permutation(6)
    mixed = {k: [v[i] for i in order] for k, v in given.items()}
    again = read_views(write(tmp_path / "b.parquet", mixed))
    assert again.points == pytest.approx(straight.points)
    fewer = read_views(write(tmp_path / "c.parquet", {k: v[:-1] for k, v in given.items()}))
    assert not fewer.seen[2, 1].any()
    assert fewer.seen[:2].all()
    assert np.isfinite(fewer.mixtures).all()


def test_what_was_not_seen_says_nothing(tmp_path):
    given = columns(confidence=list(np.tile([1.0, 1, 0.5, 0, 1], (6, 1))))
    given["keypoints"][0][:2] = np.nan
    views = read_views(write(tmp_path / "a.parquet", given))
    assert not views.seen[0, 0, 0]
    assert not views.seen[:, :, 3].any()
    assert views.mixtures[0, 0, 0, 0, 3] == UNSEEN
    assert views.mixtures[0, 1, 0, 0, 3] == pytest.approx(VARIANCE)
    assert views.mixtures[0, 1, 2, 0, 3] == pytest.approx(4 * VARIANCE)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keypoints": None}, "keypoints"),
        ({"frame": None}, "frame"),
        ({"camera": ["a"] * 6}, "twice"),
        ({"camera": [None] * 6}, "camera"),
        ({"keypoints": [[1.0, 2.0, 3.0]] * 6}, "keypoints"),
        ({"keypoints": [[1.0, 2.0]] * 5 + [[1.0]]}, "keypoints"),
        ({"keypoints": ["x"] * 6}, "keypoints"),
        ({"keypoints": [[np.inf] * 10] * 6}, "infinite"),
        ({"confidence": [[2.0] * 5] * 6}, "confidence"),
        ({"confidence": [[1.0] * 4] * 6}, "confidence"),
        ({"mixture": [[1.0] * 7] * 6}, "mixture"),
        ({"box": [[0.0, 0, 100]] * 4 + [[0.0, 0, 0]] * 2}, "box, row 4"),
        ({"box": [[0.0, 0, 100]] * 3 + [[0.0, np.nan, 5]] * 3}, "box, row 3"),
        ({"mixture": [[1.0, 0, 0, 0.1] * 5] * 5 + [[1.0, 0, 0, -0.1] * 5]}, "mixture, row 5"),
        ({"mixture": [[0.0, 0, 0, 0.1] * 5] * 6}, "mixture, row 0.*zero"),
        ({"mixture": [[-1.0, 0, 0, 0.1] * 5] * 6}, "mixture, row 0.*negative"),
        ({"mixture": [[1.0, np.nan, 0, 0.1] * 5] * 6}, "mixture, row 0.*not known"),
        ({"subject": [None] * 6}, "subject"),
        ({"intrinsics": [[1.0] * 4] * 6}, "rotation, centre, distortion"),
    ],
)
def test_wrong_tables_are_refused_by_column(tmp_path, change, said):
    given = {k: v for k, v in (columns() | change).items() if v is not None}
    with pytest.raises(InputError, match=said):
        read_views(write(tmp_path / "a.parquet", given))


def test_a_missing_file_and_one_that_is_no_table_are_refused(tmp_path):
    with pytest.raises(InputError, match="missing"):
        read_views(tmp_path / "none.parquet")
    (tmp_path / "a.parquet").write_text("x")
    with pytest.raises(InputError, match="not parquet"):
        read_views(tmp_path / "a.parquet")


def test_the_noise_is_of_the_stated_size(made):
    sigma = np.sqrt(made.mixtures[..., 0, 3])
    assert np.unique(sigma.round(9)) == pytest.approx([DEVIATION, 4 * DEVIATION])
    assert (sigma > 2 * DEVIATION).mean() == pytest.approx(0.15, abs=0.03)
    off = (made.mixtures[..., 0, 1:3] - made.labels) / sigma[..., None]
    assert off.std() == pytest.approx(1, abs=0.05)
    assert made.mixtures[..., 0].sum(-1) == pytest.approx(1)
    level = np.mean([pmpjpe(made.monocular[:, view], made.pose).mean() for view in range(4)])
    assert 60 < level < 90


def test_train_and_test_share_no_subject(made):
    assert not set(made.subjects) & set(rig("rig", 200, test=False, seed=2).subjects)


def test_choosing_cameras_and_frames_keeps_what_belongs_together(made):
    few = made.choose([2, 0]).take([5, 1])
    assert few.cameras == ("2", "0")
    assert (few.labels[0, 1] == made.labels[5, 0]).all()
    assert (few.truth.centre[1, 0] == made.truth.centre[1, 2]).all()
    assert (few.pose[0] == made.pose[5]).all()


def test_subjects_may_have_names(tmp_path):
    views = read_views(write(tmp_path / "a.parquet", columns(subject=list("aabbaa"))))
    assert views.subjects.tolist() == [0, 1, 0]


def test_a_joint_that_was_not_seen_says_nothing_though_a_mixture_is_given(tmp_path):
    given = columns(mixture=[[0.5, 0.2, 0.3, 1e-4] * 10] * 6, box=[[0.0, 0, 100]] * 6)
    given["keypoints"][1][:2] = np.nan
    fewer = {name: values[:-1] for name, values in given.items()}
    views = read_views(write(tmp_path / "a.parquet", fewer))
    for place in ((0, 1, 0), (2, 1, 4)):
        assert views.mixtures[place] == pytest.approx(np.tile([0.5, 0.5, 0.5, UNSEEN], (2, 1)))
    assert views.mixtures[0, 0, 0, 0] == pytest.approx([0.5, 0.2, 0.3, 1e-4])
    assert np.isfinite(views.boxes).all()


def spoilt(made, name, change):
    truth = {key: value.copy() for key, value in vars(made.truth).items()}
    change(truth[name])
    return replace(made, truth=Cameras(**truth))


def put(place, value):
    return lambda array: array.__setitem__(place, value)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("rotation", put((1, 2, 0, 0), np.nan), "rotation, row 6: not known"),
        ("rotation", put((1, 2), 2 * np.eye(3)), "rotation, row 6: no rotation"),
        ("rotation", put((1, 2), -np.eye(3)), "rotation, row 6: no rotation"),
        ("centre", put((0, 1, 0), np.nan), "centre, row 1"),
        ("distortion", put((0, 3, 0), np.nan), "distortion, row 3"),
        ("intrinsics", put((0, 0, 1), 0), "intrinsics, row 0: a focal length"),
        ("intrinsics", put((0, 0, 0), -1000), "intrinsics, row 0: a focal length"),
        ("centre", lambda a: np.divide(a, 1000, out=a), "centre.*millimetres"),
    ],
)
def test_cameras_that_cannot_be_are_refused_by_column_and_row(tmp_path, made, name, change, said):
    write_views(spoilt(made.take(slice(3)), name, change), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=said):
        read_views(tmp_path / "v.parquet")


def test_shares_of_the_image_are_no_pixels(tmp_path, made):
    few = made.take(slice(3))
    write_views(replace(few, boxes=few.boxes / 1000), tmp_path / "v.parquet")
    with pytest.raises(InputError, match=r"keypoints.*pixels"):
        read_views(tmp_path / "v.parquet")


def test_a_view_that_sees_nothing_needs_no_camera(tmp_path, made):
    few = spoilt(made.take(slice(3)), "rotation", put((1, 2), np.nan))
    few.seen[1, 2] = False
    write_views(few, tmp_path / "v.parquet")
    again = read_views(tmp_path / "v.parquet")
    assert np.isnan(again.truth.rotation[1, 2]).all()
    assert again.truth.rotation[0] == pytest.approx(few.truth.rotation[0])

"""Real layouts, on generated files."""

from __future__ import annotations

import struct

import numpy as np
import pytest

from isthmus.cli import app
from isthmus.data.pose_sources import SKI_PIXELS, h36m_records, skipose, skipose_labels
from isthmus.data.tfrecords import read_examples
from isthmus.data.view_noise import rig
from isthmus.data.views import read_views
from isthmus.errors import InputError


def varint(number):
    number &= (1 << 64) - 1
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number, content):
    return varint(number << 3 | 2) + varint(len(content)) + content


def feature(values):
    if isinstance(values[0], bytes):
        return field(1, b"".join(field(1, value) for value in values))
    if np.asarray(values).dtype.kind == "i":
        return field(3, field(1, b"".join(varint(int(value)) for value in values)))
    return field(2, field(1, np.asarray(values, "<f4").tobytes()))


def write(path, examples):
    with path.open("wb") as file:
        for example in examples:
            entries = (
                field(1, field(1, name.encode()) + field(2, feature(values)))
                for name, values in example.items()
            )
            body = field(1, b"".join(entries))
            file.write(struct.pack("<QI", len(body), 0) + body + b"\0\0\0\0")
    return path


@pytest.fixture(scope="module")
def frames():
    return rig("rig", 3, test=True, seed=0)


def record(frames, row):
    """A frame in the released layout, flat; boxes are whole pixels there."""
    left, top, side = np.round(frames.boxes[row]).T
    maps = frames.mixtures[row].copy()
    maps[..., 1:3] = (
        maps[..., 1:3] * side[:, None, None, None] + np.stack([left, top], 1)[:, None, None]
    )
    maps[..., 3] *= side[:, None, None] ** 2
    return {
        "pose3d": frames.pose[row].ravel(),
        "cam_pose3d": frames.truth.centre[row].ravel(),
        "cam_rot": frames.truth.rotation[row].ravel(),
        "cam_intr": frames.truth.intrinsics[row].ravel(),
        "cam_kd": frames.truth.distortion[row].ravel(),
        "pose2d_repr": frames.truth.project(frames.pose)[row].ravel(),
        "heatmaps": maps.ravel(),
        "bboxes": np.stack([top, top + side, left, left + side], 1).astype(int).ravel(),
        "keys": [f"s9_f{row}_c{view}".encode() for view in range(4)],
        "pose3d_epi_pred": frames.monocular[row].ravel(),
    }


def test_examples_come_back_as_written(tmp_path):
    example = {"a": np.array([1.5, -2]), "b": np.array([3, -4, 1 << 40]), "c": [b"x", b"yz"]}
    (found,) = read_examples(write(tmp_path / "r", [example]))
    assert found["a"] == pytest.approx([1.5, -2])
    assert found["b"].tolist() == [3, -4, 1 << 40]
    assert found["c"] == [b"x", b"yz"]


def test_released_records_become_views(frames, tmp_path):
    path = write(tmp_path / "r", [record(frames, row) for row in range(3)])
    views = h36m_records([path])
    assert views.frames.tolist() == ["s9_f0", "s9_f1", "s9_f2"]
    assert (views.subjects == 9).all()
    assert views.pose == pytest.approx(frames.pose, abs=0.01)
    assert views.to_pixels(views.labels) == pytest.approx(
        frames.truth.project(frames.pose), abs=0.01
    )
    assert np.sqrt(views.mixtures[..., 3]) == pytest.approx(
        np.sqrt(frames.mixtures[..., 3]), rel=0.02
    )
    assert views.points == pytest.approx(frames.points, abs=0.01)


def test_the_unit_is_stated_and_checked(frames, tmp_path):
    one = record(frames, 0)
    metres = one | {name: one[name] / 1000 for name in ("pose3d", "cam_pose3d")}
    path = write(tmp_path / "r", [metres])
    assert h36m_records([path], unit="m").pose == pytest.approx(frames.pose[:1], abs=0.01)
    with pytest.raises(InputError, match="thighs"):
        h36m_records([path])


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda r: {k: v for k, v in r.items() if k != "cam_rot"}, "cam_rot is missing"),
        (lambda r: r | {"heatmaps": r["heatmaps"][:-1]}, "heatmaps is of another size"),
    ],
)
def test_wrong_records_are_refused_by_name(frames, tmp_path, spoil, said):
    path = write(tmp_path / "r", [record(frames, 0), spoil(record(frames, 1))])
    with pytest.raises(InputError, match=f"record 1: {said}"):
        h36m_records([path])


def test_damaged_files_are_refused(frames, tmp_path):
    path = write(tmp_path / "r", [record(frames, 0)])
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(InputError, match="record 0"):
        h36m_records([path])
    path.write_bytes(struct.pack("<QI", 3, 0) + b"\xff\xff\xff" + b"\0\0\0\0")
    with pytest.raises(InputError, match="record 0"):
        h36m_records([path])
    for none in ([], [tmp_path / "none"]):
        with pytest.raises(InputError):
            h36m_records(none)


def labels(views):
    """Frames in the layout of Ski-PosePTZ, rows mixed, one view of the last frame lost."""
    count, many = views.seen.shape[:2]
    placed = views.truth.place(views.pose)
    intrinsics = views.truth.intrinsics / SKI_PIXELS
    matrix = np.zeros((count, many, 3, 3))
    matrix[..., 0, 0], matrix[..., 1, 1] = intrinsics[..., 0], intrinsics[..., 1]
    matrix[..., 0, 2], matrix[..., 1, 2], matrix[..., 2, 2] = (
        *np.moveaxis(intrinsics[..., 2:], -1, 0),
        1,
    )
    frame, camera = np.indices((count, many))
    found = {
        "3D": (placed - placed[:, :, :1]) / 1000,
        "2D": views.truth.project(views.pose) / SKI_PIXELS,
        "cam_intrinsic": matrix,
        "cam_position": views.truth.centre / 1000,
        "R_cam_2_world": np.swapaxes(views.truth.rotation, -1, -2),
        "seq": np.ones((count, many)),
        "frame": frame,
        "cam": camera,
        "subj": np.full((count, many), 2),
    }
    order = np.random.default_rng(0).permutation(count * many - 1)
    return {k: v.reshape(count * many, -1)[order] for k, v in found.items()}


def test_ski_labels_become_views_with_the_pelvis_where_rays_cross():
    frames = rig("ski", 4, test=True, seed=1)
    views = skipose_labels(labels(frames), "labels.h5")
    assert len(views) == 3
    assert views.pose == pytest.approx(frames.pose[:3], abs=0.1)
    assert views.truth.rotation == pytest.approx(frames.truth.rotation[:3])
    assert views.pixels == pytest.approx(frames.truth.project(frames.pose)[:3])
    assert views.monocular is None
    assert (views.subjects == 2).all()


@pytest.mark.parametrize("name", ["3D", "cam"])
def test_wrong_ski_labels_are_refused_by_name(name):
    given = labels(rig("ski", 2, test=True, seed=1))
    with pytest.raises(InputError, match=name):
        skipose_labels({k: v for k, v in given.items() if k != name}, "labels.h5")
    with pytest.raises(InputError, match="3D"):
        skipose_labels(given | {"3D": given["3D"].ravel()[:-1]}, "labels.h5")


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["isthmus", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        app()
    return end.value.code or 0, capsys.readouterr()


def test_the_command_turns_records_into_a_table_that_pose_solves(
    frames, tmp_path, monkeypatch, capsys
):
    paths = [write(tmp_path / f"r{row}", [record(frames, row)]) for row in range(3)]
    out = tmp_path / "views.parquet"
    code, said = call(monkeypatch, capsys, "convert", "h36m-records", *paths, "--out", out)
    assert code == 0, said.err
    assert "3 frames of 4 cameras" in said.out
    views = read_views(out)
    assert views.pose == pytest.approx(h36m_records(paths).pose)
    assert views.truth is not None
    code, said = call(
        *(monkeypatch, capsys, "pose", out, "--method", "s1", "--out", tmp_path / "p.parquet")
    )
    assert code == 0, said.err
    assert "3 frames" in said.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("h36m-records", "none", "--out", "v.parquet"), "none"),
        (("skipose", "none.h5", "--out", "v.parquet"), "none.h5"),
        (("skipose", "a.h5", "b.h5", "--out", "v.parquet"), "b.h5: is one too many"),
        (("skipose", "--out", "v.parquet"), "SOURCE: nothing to convert"),
        (("skipose", "a.h5", "--out", "v.csv"), "v.csv"),
    ],
)
def test_what_cannot_be_converted_ends_in_one_line(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    code, printed = call(monkeypatch, capsys, "convert", *arguments)
    assert code == 2
    assert said in printed.err
    assert printed.err.count("\n") == 1


def test_a_real_ski_file_becomes_a_table(tmp_path, monkeypatch, capsys):
    h5py = pytest.importorskip("h5py")
    given = labels(rig("ski", 3, test=True, seed=1))
    with h5py.File(tmp_path / "labels.h5", "w") as file:
        for name, values in given.items():
            file[name] = values
    out = tmp_path / "views.parquet"
    code, said = call(
        monkeypatch, capsys, "convert", "skipose", tmp_path / "labels.h5", "--out", out
    )
    assert code == 0, said.err
    assert read_views(out).pose == pytest.approx(skipose_labels(given, "x").pose)


def test_a_ski_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(InputError, match="labels"):
        skipose(tmp_path / "labels.h5")

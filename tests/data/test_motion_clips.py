"""Clips of pybullet's humanoid: forward kinematics against closed forms."""

from __future__ import annotations

import json

import numpy as np
import pytest

from isthmus.cli import app
from isthmus.data import motion_clips
from isthmus.data.skeletons import JOINTS, MIRRORED, limb_lengths
from isthmus.data.view_noise import filmed
from isthmus.data.views import read_views
from isthmus.errors import InputError

FIRST = {"root": 4, "chest": 8, "neck": 12, "right_hip": 16, "right_knee": 20, "right_ankle": 21}
FIRST |= {"right_shoulder": 25, "right_elbow": 29, "left_hip": 30, "left_knee": 34}
FIRST |= {"left_ankle": 35, "left_shoulder": 39, "left_elbow": 43}
HINGES = ("right_knee", "left_knee", "right_elbow", "left_elbow")
INDEX = {name: index for index, name in enumerate(JOINTS)}


def standing(count=1, height=0.9):
    frames = np.zeros((count, 44))
    frames[:, 0], frames[:, 2] = 1 / 30, height
    for name, start in FIRST.items():
        if name not in HINGES:
            frames[:, start] = 1
    return frames


def quaternion(axis, angle):
    axis = np.asarray(axis, float) / np.linalg.norm(axis)
    return np.array([np.cos(angle / 2), *(np.sin(angle / 2) * axis)])


def turned(frames, part, axis, angle):
    out = frames.copy()
    out[:, FIRST[part] : FIRST[part] + 4] = quaternion(axis, angle)
    return out


def moved(seed, count=3):
    """Random poses."""
    rng = np.random.default_rng(seed)
    frames = standing(count)
    for name, start in FIRST.items():
        if name in HINGES:
            frames[:, start] = rng.uniform(-1, 1, count)
        else:
            numbers = rng.standard_normal((count, 4))
            frames[:, start : start + 4] = numbers / np.linalg.norm(numbers, axis=1, keepdims=True)
    frames[:, 1:4] = rng.uniform(-1, 1, (count, 3))
    return frames


def at(joints, name):
    return joints[0, INDEX[name]]


def test_a_body_at_rest_stands_upright() -> None:
    joints = motion_clips.joints_of(standing())
    for side, sign in (("left", 1), ("right", -1)):
        assert np.allclose(at(joints, f"{side}_hip"), [0, 84.887 * sign, 900])
        assert np.allclose(at(joints, f"{side}_ankle"), [0, 84.887 * sign, 900 - 421.546 - 409.87])
        assert np.allclose(at(joints, f"{side}_shoulder")[1:], [183.11 * sign, 900 + 479.651])
        assert np.allclose(at(joints, f"{side}_wrist")[2], 900 + 479.651 - 274.788 - 258.947)
    heights = [at(joints, name)[2] for name in ("pelvis", "spine", "thorax", "neck", "head")]
    assert (np.diff(heights) > 90).all()
    assert at(joints, "neck")[0] > 40 and np.allclose(at(joints, "thorax")[:2], 0)


def test_knees_bend_backwards_and_elbows_forwards() -> None:
    frames = standing()
    frames[:, FIRST["right_knee"]], frames[:, FIRST["left_elbow"]] = -np.pi / 2, np.pi / 2
    joints = motion_clips.joints_of(frames)
    assert np.allclose(at(joints, "right_ankle") - at(joints, "right_knee"), [-409.87, 0, 0])
    assert np.allclose(at(joints, "left_wrist") - at(joints, "left_elbow"), [258.947, 0, 0])


def test_the_root_moves_the_whole_body() -> None:
    frames = moved(0, 1)
    frames[:, 1:8] = [0.0, 0.9, 0.0, 1, 0, 0, 0]
    still = motion_clips.joints_of(frames)
    shifted = frames.copy()
    shifted[:, 1:4] = [1.0, 1.4, 2.0]
    there = motion_clips.joints_of(shifted)
    assert np.allclose(there - still, [1000, -2000, 500])
    up = motion_clips.joints_of(turned(frames, "root", (0, 1, 0), np.pi / 2))
    middle = still[:, :1]
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])  # about z, which is up here
    assert np.allclose(up, middle + (still - middle) @ quarter.T)


@pytest.mark.parametrize("seed", range(3))
def test_bones_keep_their_lengths(seed) -> None:
    lengths = limb_lengths(motion_clips.joints_of(np.concatenate([moved(seed), standing()])))
    assert np.allclose(lengths, lengths[-1:])


def test_the_mirrored_clip_gives_the_mirrored_body() -> None:
    frames = moved(4)
    mirrored = frames.copy()
    mirrored[:, 3] *= -1
    for name, start in FIRST.items():
        other = {"right": "left", "left": "right"}.get(name.split("_")[0])
        into = FIRST[f"{other}_{name.split('_')[1]}"] if other else start
        if name in HINGES:
            mirrored[:, into] = frames[:, start]
        else:  # z changes its sign: turns about x and y as well
            mirrored[:, into : into + 4] = frames[:, start : start + 4] * [1, -1, -1, 1]
    found = motion_clips.joints_of(mirrored)[:, list(MIRRORED)]
    assert np.allclose(found, motion_clips.joints_of(frames) * [1, -1, 1])


@pytest.fixture
def folder(tmp_path):
    for name, count in (("walk", 5), ("kick", 4)):
        text = json.dumps({"Loop": "wrap", "Frames": moved(count, count).tolist()})
        (tmp_path / f"humanoid3d_{name}.txt").write_text(text)
    return tmp_path


def test_clips_become_frames(folder) -> None:
    clips = motion_clips.load(folder, every=2)
    assert list(clips.names) == [
        *("kick_0000", "kick_0002"),
        *("walk_0000", "walk_0002", "walk_0004"),
    ]
    assert clips.poses.motions.tolist() == [0, 0, 1, 1, 1]
    for motion in (0, 1):
        pelvis = clips.poses.joints[clips.poses.motions == motion, 0]
        assert np.allclose(pelvis[:, :2].mean(0), 0)
    views = filmed(clips, seed=1)
    assert len(views) == 5 and len(views.cameras) == 4
    assert np.allclose(
        views.to_pixels(views.labels),
        views.truth.project(views.pose),  # type: ignore[arg-type, union-attr]
    )


def test_the_command_writes_a_table_that_can_be_solved(folder, monkeypatch, capsys) -> None:
    out, solved = folder / "clips.parquet", folder / "poses.parquet"
    monkeypatch.setattr(
        "sys.argv", ["isthmus", "convert", "motion-clips", str(folder), "--out", str(out)]
    )
    with pytest.raises(SystemExit) as ended:
        app()
    assert not ended.value.code
    assert read_views(out).pose is not None
    monkeypatch.setattr(
        "sys.argv", ["isthmus", "pose", str(out), "--method", "s1", "--out", str(solved)]
    )
    with pytest.raises(SystemExit) as ended:
        app()
    assert not ended.value.code
    printed = capsys.readouterr().out
    assert "PMPJPE (reflections allowed) of 4 frames: mean" in printed
    assert "NMPJPE (mirrored depth allowed) of 4 frames: mean" in printed


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("no json", "is no clip"),
        ("[]", "is no clip"),
        ('{"Frames": []}', "there are no frames"),
        ('{"Frames": [[1, 2, 3]]}', "Frames, frame 0: 3 numbers"),
        (json.dumps({"Frames": [[0.0] * 44]}), "norm is far from 1"),
        (json.dumps({"Frames": [["a"] * 44]}), "not numbers"),
        (json.dumps({"Frames": standing().tolist()}).replace("0.9", "NaN"), "not finite"),
    ],
)
def test_what_is_no_clip_is_refused(tmp_path, content, said) -> None:
    (tmp_path / "humanoid3d_a.txt").write_text(content)
    with pytest.raises(InputError, match=said) as refused:
        motion_clips.load(tmp_path)
    assert "humanoid3d_a.txt" in str(refused.value)


def test_a_folder_without_clips_and_a_wrong_step_are_refused(tmp_path, monkeypatch) -> None:
    with pytest.raises(InputError, match="there are no clips"):
        motion_clips.load(tmp_path)
    with pytest.raises(InputError, match="every: is 0"):
        motion_clips.load(tmp_path, every=0)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"\.\[motion\]"):
        motion_clips.load()


def test_the_clips_of_the_package() -> None:
    pytest.importorskip("pybullet_data", reason="the extra motion is not installed")
    clips = motion_clips.load()
    assert len(set(clips.poses.motions)) == 20 and len(clips.names) > 500
    assert np.allclose(limb_lengths(clips.poses.joints).std(0), 0, atol=1e-6)
    standing_up = [name.startswith("walk") for name in clips.names]
    heads = clips.poses.joints[standing_up, INDEX["head"], 2]
    assert ((heads > 1300) & (heads < 1800)).all()

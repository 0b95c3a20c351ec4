"""Human3.6M's official folders, on generated ones."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from isthmus.cli import app
from isthmus.data.cameras import Cameras, fixed_four
from isthmus.data.h36m import CAMERAS, KEPT, h36m, h36m_arrays
from isthmus.data.skeletons import JOINTS, poses
from isthmus.data.views import read_views
from isthmus.errors import InputError

LENGTHS = {"Directions": 7, "Directions 1": 40, "WalkTogether 2": 33}


BONES = (
    *("Hips", "RightUpLeg", "RightLeg", "RightFoot", "RightToeBase", "Site"),
    *("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftToeBase", "Site"),
    *("Spine", "Spine1", "Neck", "Head", "Site"),
    *("LeftShoulder", "LeftArm", "LeftForeArm", "LeftHand", "LeftHandThumb", "Site"),
    *("L_Wrist_End", "Site"),
    *("RightShoulder", "RightArm", "RightForeArm", "RightHand", "RightHandThumb", "Site"),
    *("R_Wrist_End", "Site"),
)
"""Human3.6M's own names of its 32 joints."""


def subject(number):
    """A subject's poses and cameras by action, and the arrays that Human3.6M has of them."""
    own, files = {}, {}
    for seed, (action, length) in enumerate(LENGTHS.items()):
        pose = poses(length, range(number, number + 1), seed=seed).joints
        truth = fixed_four(np.full(length, number), 0)
        own[action] = pose, truth
        world, pixels = truth.place(pose), truth.project(pose)
        files[f"D3_Positions/{action}.cdf"] = stored(pose)
        for index, camera in enumerate(CAMERAS):
            files[f"D3_Positions_mono/{action}.{camera}.cdf"] = stored(world[:, index])
            files[f"D2_Positions/{action}.{camera}.cdf"] = stored(pixels[:, index])
    return own, files


def stored(joints):
    """As the archives have it, (1, frames, 32 * 2 or 3); joints that are not kept are far away."""
    out = np.full((len(joints), 32, joints.shape[-1]), -1e5)
    out[:, list(KEPT)] = joints
    return out.reshape(1, len(joints), -1)


@pytest.fixture(scope="module")
def generated(tmp_path_factory):
    top = tmp_path_factory.mktemp("h36m")
    return {top / f"S{number}": subject(number) for number in (9, 11)}


@pytest.fixture
def arrays(generated):
    return {folder: dict(files) for folder, (_, files) in generated.items()}


DOUBLE = {"rotation": 1e-9, "centre": 1e-6, "intrinsics": 1e-4, "distortion": 1e-4, "joints": 1e-6}
SINGLE = {"rotation": 1e-6, "centre": 1e-2, "intrinsics": 1e-2, "distortion": 0.1, "joints": 1e-3}


def check(views, generated, every, within=DOUBLE):
    """Cameras, poses and pixels are the true ones of one frame in so many."""
    names, where = [], dict(zip(views.frames.tolist(), range(len(views)), strict=True))
    for folder, (own, _) in generated.items():
        for action, (pose, truth) in own.items():
            kept = range(0, len(pose), every)
            these = [f"{folder.name.lower()}_{action}_f{index}" for index in kept]
            found = views.take([where[name] for name in these])
            names += these
            pixels = truth.project(pose)[kept]
            assert (found.subjects == int(folder.name[1:])).all()
            assert found.pose == pytest.approx(pose[kept], abs=within["joints"])
            assert found.to_pixels(found.labels) == pytest.approx(pixels, abs=within["joints"])
            for name, values in vars(found.truth).items():
                right = getattr(truth, name)[kept]
                assert values == pytest.approx(right, abs=within[name], rel=0), name
    assert sorted(names) == sorted(where)
    assert np.abs(views.truth.project(views.pose) - views.pixels).max() < 0.01
    assert views.cameras == CAMERAS
    assert views.points == pytest.approx(views.labels)
    assert views.seen.all()


def test_the_kept_joints_are_the_seventeen():
    leg, arm = ("UpLeg", "Leg", "Foot"), ("Arm", "ForeArm", "Hand")
    assert len(BONES) == 32
    assert dict(zip(JOINTS, (BONES[index] for index in KEPT), strict=True)) == {
        "pelvis": "Hips",
        **{f"right_{name}": f"Right{bone}" for name, bone in zip(("hip", "knee", "ankle"), leg)},
        **{f"left_{name}": f"Left{bone}" for name, bone in zip(("hip", "knee", "ankle"), leg)},
        "spine": "Spine1",
        "thorax": "Neck",
        "neck": "Head",
        "head": "Site",
        **{f"left_{n}": f"Left{bone}" for n, bone in zip(("shoulder", "elbow", "wrist"), arm)},
        **{f"right_{n}": f"Right{bone}" for n, bone in zip(("shoulder", "elbow", "wrist"), arm)},
    }
    assert BONES[KEPT[10] - 1] == "Head"


@pytest.mark.parametrize("every", [1, 16])
def test_folders_become_views_with_the_true_cameras(generated, arrays, every):
    views = h36m_arrays(arrays, every=every)
    check(views, generated, every)
    assert views.monocular is None


def test_every_sixteenth_frame_is_taken_by_default(arrays):
    frames = h36m_arrays(arrays).frames.tolist()
    assert len(frames) == 2 * (1 + 3 + 3)
    assert frames[:4] == [
        "s9_Directions_f0",
        *(f"s9_Directions 1_f{index}" for index in (0, 16, 32)),
    ]


def test_single_precision_costs_no_hundredth_of_a_pixel(generated, arrays):
    views = h36m_arrays({k: {n: np.float32(a) for n, a in v.items()} for k, v in arrays.items()})
    check(views, generated, 16, SINGLE)


def test_the_lens_of_the_released_code_is_met_to_a_tenth_of_a_pixel(arrays):
    """There the tangential part is x (p1 y + p2 x) + p2 r^2, without Brown's factors of two."""
    (folder, files), *_ = arrays.items()
    tangential = -0.0016, -0.0027
    for name in [name for name in files if name.startswith("D2")]:
        placed = files[name.replace("D2_Positions", "D3_Positions_mono")].reshape(-1, 32, 3)
        placed = placed[:, list(KEPT)]
        lens = Cameras(
            *(np.eye(3)[None, None], np.zeros((1, 1, 3))),
            *(
                np.array([[[1149.7, 1147.6, 508.8, 508.1]]]),
                np.array([[[-0.19, 0.24, 0, 0, 0.01]]]),
            ),
        )
        pixels = lens.project(placed.reshape(1, -1, 3)).reshape(*placed.shape[:2], 2)
        flat = placed[..., :2] / placed[..., 2:]
        radius = (flat**2).sum(-1, keepdims=True)
        along = flat @ np.array([tangential[1], tangential[0]])
        bent = flat * along[..., None] + radius * [tangential[1], tangential[0]]
        files[name] = stored(pixels + bent * [1149.7, 1147.6])
    views = h36m_arrays({folder: files}, every=1)
    off = np.linalg.norm(views.truth.project(views.pose) - views.pixels, axis=-1)
    assert 0.001 < off.max() < 0.1


def call(monkeypatch, capsys, *arguments):
    monkeypatch.setattr("sys.argv", ["isthmus", *map(str, arguments)])
    with pytest.raises(SystemExit) as end:
        app()
    return end.value.code or 0, capsys.readouterr()


WORLD = "D3_Positions/Directions 1.cdf"
MONO = "D3_Positions_mono/Directions 1.58860488.cdf"
PIXELS = "D2_Positions/Directions 1.60457274.cdf"


def spoilt(name, change):
    def spoil(files):
        files[name] = change(files[name].copy())

    return spoil


def blank(values):
    values[0, 16, 3:6] = np.nan
    return values


def lengthened(files):
    """Other limbs than in the world, as in D3_Positions_mono_universal."""
    for name in files:
        if name.startswith("D3_Positions_mono"):
            joints = files[name].reshape(-1, 32, 3)
            files[name] = (joints[:, :1] + 1.1 * (joints - joints[:, :1])).reshape(
                files[name].shape
            )


def turned(files):
    """The coordinates of one camera turned, so that it looks away."""
    for name in files:
        if "60457274" in name and "mono" in name:
            files[name] = files[name] * np.tile([1, -1, -1], 32)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (dict.clear, "MyPoseFeatures: there are no .cdf files. Mend: unpack Poses_D3_Positions_S9"),
        (lambda files: files.pop(WORLD), f"{WORLD}: the file is missing"),
        (lambda files: files.pop(PIXELS), f"{PIXELS}: the file is missing"),
        (spoilt(MONO, lambda a: a[:, :-1]), f"{MONO}: Pose: 39 frames, but 40 in {WORLD}"),
        (spoilt(PIXELS, lambda a: a[..., :34]), f"{PIXELS}: Pose: 34 numbers a frame"),
        (spoilt(WORLD, lambda a: a[..., :64]), f"{WORLD}: Pose: 64 numbers a frame"),
        (spoilt(WORLD, lambda a: a[:, :0]), f"{WORLD}: Pose: there are no frames"),
        (spoilt(WORLD, lambda a: a.astype(str)), f"{WORLD}: Pose: 0 numbers a frame"),
        (spoilt(MONO, blank), f"{MONO}: Pose, frame 16: not finite"),
        (spoilt(MONO, lambda a: a + 300 * (np.arange(96) % 3 == 0)), " mm from D3_Positions"),
        (spoilt(MONO, lambda a: a * 0 + 9), f"{MONO}: Pose: .* mm from D3_Positions"),
        (lengthened, "not D3_Positions_mono_universal"),
        (turned, "60457274.cdf: Pose: a joint is behind the camera"),
        (spoilt(PIXELS, lambda a: a[:, ::-1]), f"{PIXELS}: Pose: .* pixels from D3_Positions_mono"),
        (spoilt(PIXELS, lambda a: a * 0), f"{PIXELS}: Pose: .* pixels from D3_Positions_mono"),
    ],
)
def test_wrong_files_are_refused_by_name(arrays, spoil, said):
    folder = next(iter(arrays))
    spoil(arrays[folder])
    with pytest.raises(InputError, match=said):
        h36m_arrays(arrays)


def test_wrong_folders_are_refused_by_name(arrays, tmp_path):
    folder = next(iter(arrays))
    with pytest.raises(InputError, match="subject 9 is there twice"):
        h36m_arrays(arrays | {tmp_path / "S9": arrays[folder]})
    with pytest.raises(InputError, match="other: is not named after a subject"):
        h36m_arrays({tmp_path / "other": arrays[folder]})
    with pytest.raises(InputError, match="every: is 0"):
        h36m_arrays(arrays, every=0)
    with pytest.raises(InputError, match="folders: there are none"):
        h36m([])


def test_absent_folders_end_in_one_line(tmp_path, monkeypatch, capsys):
    def said(folder):
        code, printed = call(
            monkeypatch, capsys, "convert", "h36m", folder, "--out", tmp_path / "v.parquet"
        )
        assert code == 2
        assert printed.err.count("\n") == 1
        return printed.err

    assert "S9: there is no such folder" in said(tmp_path / "S9")
    (tmp_path / "S9/MyPoseFeatures/D3_Positions").mkdir(parents=True)
    assert "D3_Positions_mono: there is no such folder" in said(tmp_path / "S9")
    assert "is not named after a subject" in said(tmp_path)
    for part in ("D3_Positions_mono", "D2_Positions"):
        (tmp_path / "S9/MyPoseFeatures" / part).mkdir()
    assert "there are no .cdf files" in said(tmp_path / "S9")


def test_without_cdflib_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cdflib", None)
    for part in ("D3_Positions", "D3_Positions_mono", "D2_Positions"):
        (tmp_path / "S9/MyPoseFeatures" / part).mkdir(parents=True)
    (tmp_path / "S9/MyPoseFeatures" / WORLD).touch()
    with pytest.raises(InputError, match=r"\.\[h36m\]"):
        h36m([tmp_path / "S9"])


SINGLE_BY_COLUMN, DOUBLE_BY_ROW = (44, "Column_major"), (45, "Row_major")
"""Human3.6M's files are of the first kind: CDF_FLOAT, one record, (frames, numbers) by column."""


def write(path, values, kind=SINGLE_BY_COLUMN, name="Pose"):
    """A CDF file with one variable of one record."""
    cdfwrite = pytest.importorskip("cdflib.cdfwrite")
    number, majority = kind
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = list(values.shape[1:])
    if majority == "Column_major":  # cdflib writes the bytes as they lie
        values = np.ascontiguousarray(values[0].T).reshape(values.shape)
    file = cdfwrite.CDF(path, cdf_spec={"Majority": majority}, delete=True)
    spec = {"Variable": name, "Data_Type": number, "Num_Elements": 1, "Rec_Vary": True}
    values = values.astype(np.float32 if number == 44 else np.float64)
    file.write_var(spec | {"Dim_Sizes": shape}, var_data=values)
    file.close()


@pytest.mark.parametrize(("kind", "within"), [(SINGLE_BY_COLUMN, SINGLE), (DOUBLE_BY_ROW, DOUBLE)])
def test_real_files_become_a_table(generated, arrays, tmp_path, monkeypatch, capsys, kind, within):
    pytest.importorskip("cdflib")
    folders = [tmp_path / folder.name for folder in arrays]
    for folder, files in arrays.items():
        for name, values in files.items():
            write(tmp_path / folder.name / "MyPoseFeatures" / name, values, kind)
    out = tmp_path / "views.parquet"
    code, said = call(monkeypatch, capsys, "convert", "h36m", *folders, "--every", 8, "--out", out)
    assert code == 0, said.err
    assert "22 frames of 4 cameras" in said.out
    check(read_views(out), generated, 8, within)
    check(h36m(folders), generated, 16, within)


def test_damaged_files_are_refused(arrays, tmp_path):
    pytest.importorskip("cdflib")
    folder, files = next(iter(arrays.items()))
    top = tmp_path / folder.name
    for name, values in files.items():
        write(top / "MyPoseFeatures" / name, values)
    path = top / "MyPoseFeatures" / MONO
    whole = path.read_bytes()
    for content in (b"", b"no CDF", whole[:300], whole[:500], whole[:-50]):
        path.write_bytes(content)
        with pytest.raises(InputError, match=f"{MONO}: Pose: cannot be read"):
            h36m([top])
    path.unlink()
    write(path, files[MONO], name="Angles")
    with pytest.raises(InputError, match=f"{MONO}: Pose: cannot be read .*Pose"):
        h36m([top])

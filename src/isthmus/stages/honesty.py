"""Audit all methods of the self-defence on one set of pairs: what they hide, how right they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import l1_loss, mse_loss

from isthmus import record
from isthmus.data.pairs import image_domains
from isthmus.job import Job, stage
from isthmus.metrics.audit import Audit, audit, exhibits
from isthmus.metrics.honesty import honesty
from isthmus.metrics.segmentation import agreement, iou_p2p, nearest
from isthmus.metrics.summary import summary
from isthmus.networks.images import image_bytes
from isthmus.report.honesty import cycles_sheet, honesty_curves
from isthmus.stages.rows import result_row
from isthmus.translation.paired_sets import PAIRED_SETS, Shown
from isthmus.translation.stored import stored
from isthmus.translation.translator import Translator, to_unit
from isthmus.translation.ways import round_trip, way

SEGMENTER = "pix2pix"
"""The method whose first seed is the independent segmenter of IoU p2p."""
SHOWN = 8
"""Images in the picture."""


@stage("seed", "threads", "defences", "honesty", folder="runs/{scale}/evaluate/{paired_set}")
def main(job: Job) -> None:
    """Audit all methods of the self-defence on one set of pairs."""
    name, steps = job.items["paired_set"], job.config.value("honesty.probe_steps")
    shown = PAIRED_SETS[name].shown
    bytes_a, bytes_b = map(image_bytes, image_domains(job.input(f"paired/{name}/test.parquet")))
    a, b, floor = to_unit(bytes_a), to_unit(bytes_b), shown.floor(bytes_b)
    defences = [str(defence) for defence in job.config.defences]
    segmenter = next(_members(job, name, SEGMENTER)) if SEGMENTER in defences else None

    audits: dict[str, list[Audit]] = {}
    figures: dict[str, list[dict[str, float]]] = {}
    pictures = {}
    for method in defences:
        audits[method], figures[method] = [], []
        for model in _members(job, name, method):
            of = round_trip(model, a, b)
            audits[method].append(
                audit(of, shown.quantise(), honest=floor, steps=steps, seed=job.seed)
            )
            own = audits[method][-1].figures | correctness(shown, model, of.translations, a, b)
            if segmenter and method != SEGMENTER and (palette := shown.colours()) is not None:
                frames = way(model, "b2a", a.roll(1, 0))(b)
                own["iou_p2p"] = iou_p2p(way(segmenter, "a2b"), frames, a, palette)
            figures[method].append(own)
            if method not in pictures:
                few = round_trip(model, a[:SHOWN], b[:SHOWN])
                pictures[method] = exhibits(few, shown.quantise(), seed=job.seed)

    metrics = {method: over_seeds(members) for method, members in figures.items()}
    if floor is not None:
        metrics["honest-floor"] = over_seeds([{"cycle_error": l1_loss(floor, a).item()}])
    job.write_json("metrics.json", metrics)
    made_by = {m: record.read(job.input(f"defend/{name}/{m}/record.json")) for m in defences}
    rows = [
        result_row(name, method, index, own, made_by[method])
        for method, members in figures.items()
        for index, own in enumerate(members)
    ]
    job.write_json("rows.json", rows)
    job.write_json(
        "levels.json",
        {
            method: {
                "levels": over_seeds([{str(k): rh for k, rh in e.levels.items()} for e in found]),
                "sigmas": over_seeds([{str(s): sn for s, sn in e.sigmas.items()} for e in found]),
            }
            for method, found in audits.items()
        },
    )
    honesty_curves(audits, job.output("curves.png"))
    cycles_sheet(pictures, job.output("cycles.png"))


def correctness(
    shown: Shown, model: Translator, translations: Tensor, a: Tensor, b: Tensor
) -> dict[str, float]:
    """How right translations are, and the cycle under another's guide.

    `accuracy`, `iou` and `pixels` of segmentations; or, where there is no palette, `mse` in squared
    grey levels, the mean over both directions.

    Args:
        shown: What B can show.
        model: The translator.
        translations: Of `a`.
        a: The images of A, in [-1, 1].
        b: Those that belong to them.
    """
    other = round_trip(model, a, b, own=False)
    figures = {
        "cycle_error_other_guide": l1_loss(other.reconstructions, a).item(),
        "rh_other_guide": honesty(other, shown.quantise()).mean,
    }
    palette = shown.colours()
    if palette is None:
        frames = way(model, "b2a", a.roll(1, 0))(b)
        errors = mse_loss(translations, b) + mse_loss(frames, a)
        return figures | {"mse": 127.5**2 * errors.item() / 2}
    found = agreement(nearest(translations, palette), nearest(b, palette), len(palette))
    return figures | found._asdict()


def over_seeds(members: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Each figure's summary."""
    return {key: summary([each[key] for each in members]) for key in members[0]}


def _members(job: Job, name: str, method: str) -> Iterator[Translator]:
    """The networks of each seed in turn, one at a time."""
    home = f"defend/{name}/{method}"
    job.input(f"{home}/model.safetensors")
    model = stored(job.input(f"{home}/model.json").parent)
    members = load_file(job.input(f"{home}/members.safetensors"))
    for index in range(len(next(iter(members.values())))):
        model.load_state_dict({key: tensor[index] for key, tensor in members.items()})
        yield model


if __name__ == "__main__":
    main()

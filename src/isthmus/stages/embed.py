"""Embed both digit domains of a pair by one VAE-GAN; the KL term keeps the codes near unit scale."""

from __future__ import annotations

import numpy as np

from isthmus.data.table import Table, read_table, write_table
from isthmus.embedding.vaegan import VaeGan, decode, encode, evaluate, fit
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves as thinned
from isthmus.networks.storage import save
from isthmus.report.figures import image_rows


@stage("seed", "threads", "digit_pairs.{pair}", "embed", folder="runs/{scale}/points/{pair}")
def main(job: Job) -> None:
    """Embed both digit domains of a pair by one VAE-GAN."""
    pair, settings = job.config.digit_pairs[job.items["pair"]], job.config.embed
    images = {
        (side, split): read_table(job.input(f"images/{source}/{split}.parquet"), kind="images")
        for side, source in (("a", pair.a), ("b", pair.b))
        for split in ("train", "test")
    }
    first = images["a", "train"].images()
    model = VaeGan(first.shape[-1], settings.latent, settings.width, seed=job.seed)
    curves = fit(
        model,
        first,
        images["b", "train"].images(),
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        kl_weight=settings.kl_weight,
        adversarial_weight=settings.adversarial_weight,
        seed=job.seed,
    )
    save(model, job.output(""))
    codes = {key: np.asarray(encode(model, table.images())) for key, table in images.items()}
    for split in ("train", "test"):
        write_table(_joined(job, split, codes, images), job.output(f"{split}.parquet"))
    shown = [x for side in ("a", "b") for x in _shown(model, images[side, "test"])]
    image_rows(shown, ["A", "A, reconstructed", "B", "B, reconstructed"], job.output("sheet.png"))
    held_out = {
        side: evaluate(model, images[side, "test"].images(), seed=job.seed) for side in ("a", "b")
    }
    job.write_json("metrics.json", held_out)
    job.write_json("curves.json", thinned({f"{name}_nats": c for name, c in curves.items()}))


def _joined(
    job: Job,
    split: str,
    codes: dict[tuple[str, str], np.ndarray],
    images: dict[tuple[str, str], Table],
) -> Table:
    sides = ("a", "b")
    counts = [len(codes[side, split]) for side in sides]
    digits = [images[side, split].factors["digit"] for side in sides]
    return Table(
        kind="points",
        values=np.concatenate([codes[side, split] for side in sides]).astype(np.float32),
        factors={
            "domain": np.repeat(np.arange(2), counts),
            "digit": np.concatenate(digits),
        },
        levels={"domain": sides, "digit": images["a", split].levels["digit"]},
        source=f"VAE-GAN embedding of {job.items['pair']}",
        seed=job.seed,
    )


def _shown(model: VaeGan, table: Table) -> list[np.ndarray]:
    first = table.images()[:14]
    return [np.asarray(first), np.asarray(decode(model, encode(model, first)))]


if __name__ == "__main__":
    main()

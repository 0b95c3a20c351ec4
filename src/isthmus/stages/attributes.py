"""Train the digit classifier of one image source and print its accuracy on held-out digits."""

from __future__ import annotations

from isthmus.attributes.digits import train_classifier
from isthmus.data.table import read_table
from isthmus.job import Job, stage
from isthmus.metrics.classification import accuracy
from isthmus.metrics.summary import curves
from isthmus.networks.storage import save


@stage("seed", "threads", "attributes", folder="runs/{scale}/attributes/{source}")
def main(job: Job) -> None:
    """Train the digit classifier of one image source."""
    source, settings = job.items["source"], job.config.attributes
    train, test = (
        read_table(job.input(f"images/{source}/{split}.parquet"), kind="images", factors=("digit",))
        for split in ("train", "test")
    )
    model, loss = train_classifier(
        train.images(),
        train.factors["digit"],
        steps=settings.steps,
        batch_size=settings.batch_size,
        learning_rate=settings.learning_rate,
        seed=job.seed,
    )
    rate = accuracy(model.predict(test.images()).argmax(1), test.factors["digit"])
    print(f"{source}: {100 * rate.value:.2f} % +- {100 * rate.error:.2f} of {len(test)} digits")
    save(model, job.output(""))
    job.write_json("metrics.json", {"accuracy": rate.value, "accuracy_error": rate.error})
    job.write_json("curves.json", curves({"cross_entropy_nats": loss}))


if __name__ == "__main__":
    main()

"""Print the grid from which the adapters' settings were chosen: accuracy on the validation target.

Run as `python workflow/scripts/tune_adapters.py typeset-digits [ADAPTER ...]`. It reads the sets that
`adaptation_data` left at the scale of params.yaml, trains with a seed that no reported run has, and
never opens a test target. For the open set the figure is HOS, over thresholds as well.
"""

import sys
import time

from isthmus import config as configuration
from isthmus.adaptation.benchmark import ADAPTERS, Training, adapt
from isthmus.adaptation.open_set import known_only, reject
from isthmus.data.table import Table, read_table
from isthmus.data.visda import FACTOR
from isthmus.metrics.visda import closed_set_score, open_set_score
from isthmus.seeding import derive, seed_everything

WEIGHTS = {
    "source-only": [None],
    "coral": [0.3, 1.0, 10.0, 100.0],
    "dan": [1.0, 3.0, 10.0],
    "jan": [1.0, 3.0, 10.0, 30.0],
    "dann": [0.03, 0.1, 0.3, 1.0],
    "adda": [0.01, 0.03, 0.1, 0.3],
    "mcd": [1.0, 3.0, 10.0, 30.0],
    "self-ensembling": [10.0, 30.0, 100.0],
    "dual": [0.3, 1.0, 3.0, 10.0],
    "lrmf": [0.03, 0.1, 0.3],
    "osbp": [0.003, 0.01, 0.03, 0.1, 0.3, 1.0],
}
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95, 0.99, 0.999)
OPEN = ("source-only", "dann", "osbp")


def main(name: str, adapters: list[str]) -> None:
    """Print the grid of some adapters on one set."""
    config = configuration.load()
    settings = config.value(f"adaptation.sets.{name}")

    def table(key: str) -> Table:
        path = f"runs/{config.scale}/adaptation/data/{name}/{key}.parquet"
        return read_table(path, kind="images", factors=(FACTOR,))

    source, held_out = table("source"), table("source_test")
    closed, opened = table("validation"), table("open_validation")
    known = settings["known"]
    common = {
        "training": Training(**settings["training"]),
        "seed": derive(config.seed, "tune", name),
    }
    seed_everything(common["seed"], threads=config.threads)
    for adapter in adapters:
        options = config.value(f"adaptation.settings.{adapter}")
        for weight in WEIGHTS[adapter]:
            key = "rate" if adapter == "adda" else "weight"
            chosen = options | ({} if weight is None else {key: weight})
            started = time.process_time()
            if adapter != "osbp":
                targets = {"validation": closed}
                found = adapt(adapter, source, targets, held_out, options=chosen, **common)
                predicted = found["validation"].argmax(1)
                score = closed_set_score(
                    closed.factors[FACTOR], predicted, classes=len(closed.levels[FACTOR])
                )
                seconds = time.process_time() - started
                print(f"{adapter} {weight}: {score.accuracy:.1f} ({seconds:.1f} s)", flush=True)
            if adapter in OPEN:
                parts = (
                    known_only(source, known),
                    {"validation": opened},
                    known_only(held_out, known),
                )
                logits = adapt(adapter, *parts, options=chosen, **common)["validation"]
                cuts = [0.0] if ADAPTERS[adapter].more_classes else THRESHOLDS
                hos = [
                    open_set_score(opened.factors[FACTOR], reject(logits, cut), known=known).hos
                    for cut in cuts
                ]
                print(f"{adapter} {weight} open: {[round(h, 1) for h in hos]}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:] or list(WEIGHTS))

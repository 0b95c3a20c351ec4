"""What the rules share: the validated parameters, and the inputs that make a rule re-run."""

import itertools
import os
import sys

sys.path.insert(0, os.path.join(workflow.basedir, "src"))

from isthmus.config.loading import for_engine
from isthmus.config.schema import REPORTED
from isthmus.closure import closure
from isthmus.handover import Slices, to_dvc

PARAMS = for_engine(config)
RUNS = f"runs/{PARAMS.scale}"
REPORTS = f"reports/{PARAMS.scale}"
SCALE = f"--scale {PARAMS.scale}"
SLICES = Slices(PARAMS, settle=workflow.is_main_process)

TABLES = ["train.parquet", "test.parquet"]
MODEL = ["model.safetensors", "model.json"]
METRICS = ["metrics.json", "curves.json", "record.json"]
ROWS = ["rows.json", "metrics.json", "record.json"]
IMAGES = [*TABLES, "sheet.png", "record.json"]
EMBEDDED = [*TABLES, *MODEL, "sheet.png", *METRICS]
PREFIT = ["densities.safetensors", *METRICS]
TRANSLATED = ["translated.parquet", "snapshots.parquet", *MODEL, "sheet.png", *METRICS]
SCORED = [*ROWS, "learning.json", "accuracy.png", "learning.png"]
TOGETHER = ["metrics.json", "pixel_share.json", "record.json"]
EVALUATED = [*ROWS, "clouds.png", "confusion.png"]
DECODED = [*ROWS, "digits.png", "confusion.png"]
DIAGNOSED = ["metrics.json", "record.json", "probes.png"]
PUPPETS = [
    "train.parquet",
    "labelled.parquet",
    "test.parquet",
    *[f"{p}{name}.parquet" for p in ("", "far_") for name in ("triplets", "sequences")],
]
DRIVEN = ["driven.parquet", "snapshots.parquet", *MODEL, "sheet.png", *METRICS]
SENSITIVITY = [
    "metrics.json",
    "responses.json",
    "record.json",
    "figure.png",
    "flips.png",
]
PUPPET_SCORED = [*ROWS, "learning.json", "figure.png", "learning.png"]
POSED = [*MODEL, *METRICS, "skeletons.png"]
POSE_SCORED = ["metrics.json", "times.json", "record.json", "figure.png"]
STUDIED = ["metrics.json", "figure.png", "record.json"]
ALSO = {
    "comparison": ["table.json"],
    "digit_study": ["runs.json"],
    "meshes": ["curves.json"],
    "pixel_flow": ["curves.json"],
}
DEFENDED = [*MODEL, "members.safetensors", *METRICS]
HONEST = [*ROWS, "levels.json", "curves.png", "cycles.png"]
STUDIES = list(type(PARAMS.studies).model_fields)
DOMAINS = PARAMS.adaptation.domains
ADAPTERS = PARAMS.adaptation.adapters
OPEN_ADAPTERS = PARAMS.adaptation.open_adapters
OPEN_SETS = ["open_validation", "open_test", "open_test_1_9"]
SCORED_CLASSES = [*ROWS, "classes.png"]
ADAPTED = ["predictions.json", "validation.txt", "test.txt", "record.json"]
ADAPTED_OPEN = [
    "predictions.json",
    *[f"{name}.txt" for name in OPEN_SETS],
    "record.json",
]
TRIED = ["image_list.txt", "predictions.txt", "metrics.json", "record.json"]
RIVAL = ["aligned.parquet", *METRICS]
ALIGNED = ["aligned.parquet", "flow.safetensors", "metrics.json", "record.json"]


wildcard_constraints:
    source="|".join(PARAMS.sources),
    toy="|".join(PARAMS.toys),
    digits="|".join(PARAMS.digit_pairs),
    pair="|".join(PARAMS.pairs),
    family="|".join(PARAMS.families),
    rival="|".join(PARAMS.rivals),
    rival_pair="|".join(PARAMS.rival_pairs),
    set="|".join(PARAMS.sets),
    translator="|".join(PARAMS.translators),
    paired_set="|".join(PARAMS.paired_sets),
    defence="|".join(PARAMS.defences),
    task="|".join(PARAMS.puppet_tasks),
    puppeteer="|".join(PARAMS.puppeteers),
    rig="|".join(PARAMS.rigs),
    ablation="|".join(PARAMS.ablations),
    domains="|".join(DOMAINS),
    adapter="|".join(ADAPTERS),
    open_adapter="|".join(OPEN_ADAPTERS),


def code(stage):
    """The source files of a stage: its module's imports, followed to the end."""
    return closure(f"isthmus.stages.{stage}")


ITEMS = {
    "source": PARAMS.sources,
    "toy": PARAMS.toys,
    "digits": list(PARAMS.digit_pairs),
    "pair": PARAMS.pairs,
    "rival_pair": PARAMS.rival_pairs,
    "rival": PARAMS.rivals,
    "set": PARAMS.sets,
    "translator": PARAMS.translators,
    "family": PARAMS.families,
    "paired_set": PARAMS.paired_sets,
    "defence": PARAMS.defences,
    "task": PARAMS.puppet_tasks,
    "puppeteer": PARAMS.puppeteers,
    "rig": PARAMS.rigs,
    "ablation": list(PARAMS.ablations),
    "domains": DOMAINS,
    "adapter": ADAPTERS,
    "open_adapter": OPEN_ADAPTERS,
}


def values(key, *names):
    """The file with the parameters that the stage instance `key` depends on.

    All instances' files are written here, while the rules are read: once Snakemake has listed a
    folder, it does not see what appears in it.
    """
    wildcards = [name for name in ITEMS if f"{{{name}}}" in key]
    for chosen in itertools.product(*(ITEMS[name] for name in wildcards)):
        items = dict(zip(wildcards, chosen))
        SLICES.write(key.format(**items), [name.format(**items) for name in names])
    return SLICES.path(key)


def side(name, folder, files):
    """Input function: files of the source that is side `name` (a or b) of a digit pair."""

    def paths(wildcards):
        source = getattr(PARAMS.digit_pairs[wildcards.digits], name)
        return [f"{RUNS}/{folder}/{source}/{file}" for file in files]

    return paths


def alignments(pair):
    """All that the alignment methods leave for a pair."""
    files = []
    for method in PARAMS.methods(pair):
        kept = RIVAL if method in PARAMS.rivals else ALIGNED
        curves = ["curves.json"] if method.startswith("lrmf") else []
        files += [f"{RUNS}/align/{pair}/{method}/{file}" for file in kept + curves]
    return files


def aligned(name):
    """Input function: the alignments of the pair that is the wildcard `name`."""
    return lambda wildcards: alignments(wildcards[name])


def study(name):
    """Where a study leaves its outputs."""
    return f"{RUNS}/evaluate/{name.replace('_', '-')}"


def studied(name):
    """What a study leaves there."""
    return [*STUDIED, *ALSO.get(name, [])]


def puppet_shows():
    """All that the stages of the puppets and of the audit leave."""
    return [
        *expand(
            f"{RUNS}/puppets/{{s}}/{{f}}",
            s=PARAMS.puppet_tasks,
            f=[*PUPPETS, "sheet.png", "record.json"],
        ),
        *expand(
            f"{RUNS}/puppet_judge/{{s}}/{{f}}",
            s=PARAMS.puppet_tasks,
            f=[*MODEL, *METRICS],
        ),
        *expand(
            f"{RUNS}/puppetry/{{s}}/{{p}}/{{f}}",
            s=PARAMS.puppet_tasks,
            p=PARAMS.puppeteers,
            f=DRIVEN,
        ),
        *expand(
            f"{RUNS}/evaluate/puppetgan-{{s}}/{{f}}",
            s=PARAMS.puppet_tasks,
            f=PUPPET_SCORED,
        ),
        *expand(f"{RUNS}/evaluate/sensitivity/{{f}}", f=SENSITIVITY),
    ]


def adaptation():
    """What the adaptation benchmark leaves, its scores included."""
    data = ["source", "source_test", "validation", "test", *OPEN_SETS]
    lists = [name for name in data if name != "source"]
    return [
        *expand(f"{RUNS}/adaptation/data/{{d}}/{{f}}.parquet", d=DOMAINS, f=data),
        *expand(f"{RUNS}/adaptation/data/{{d}}/{{f}}.txt", d=DOMAINS, f=lists),
        *expand(
            f"{RUNS}/adaptation/data/{{d}}/{{f}}",
            d=DOMAINS,
            f=["sheet.png", "record.json"],
        ),
        *expand(
            f"{RUNS}/adaptation/closed/{{d}}/{{a}}/{{f}}",
            d=DOMAINS,
            a=ADAPTERS,
            f=ADAPTED,
        ),
        *expand(
            f"{RUNS}/adaptation/open/{{d}}/{{a}}/{{f}}",
            d=DOMAINS,
            a=OPEN_ADAPTERS,
            f=ADAPTED_OPEN,
        ),
        *expand(f"{RUNS}/evaluate/{{d}}/{{f}}", d=DOMAINS, f=SCORED_CLASSES),
        *expand(f"{RUNS}/evaluate/{{d}}-open/{{f}}", d=DOMAINS, f=SCORED_CLASSES),
        *expand(f"{RUNS}/evaluate/syn2real-scorer/{{f}}", f=TRIED),
    ]


def everything():
    """All that the stages before the report leave."""
    return [
        *expand(f"{RUNS}/images/{{s}}/{{f}}", s=PARAMS.sources, f=IMAGES),
        *expand(f"{RUNS}/points/{{s}}/{{f}}", s=PARAMS.toys, f=IMAGES),
        *expand(f"{RUNS}/points/{{s}}/{{f}}", s=PARAMS.digit_pairs, f=EMBEDDED),
        *expand(f"{RUNS}/prefit/{{s}}/{{f}}", s=PARAMS.pairs, f=PREFIT),
        *[file for pair in PARAMS.pairs for file in alignments(pair)],
        *expand(
            f"{RUNS}/attributes/{{s}}/{{f}}", s=PARAMS.sources, f=[*MODEL, *METRICS]
        ),
        *expand(f"{RUNS}/evaluate/{{s}}/{{f}}", s=PARAMS.pairs, f=EVALUATED),
        *expand(f"{RUNS}/decode/{{s}}/{{f}}", s=PARAMS.digit_pairs, f=DECODED),
        *expand(f"{RUNS}/scenes/{{s}}/{{f}}", s=PARAMS.sets, f=IMAGES),
        *expand(
            f"{RUNS}/translate/{{s}}/{{t}}/{{f}}",
            s=PARAMS.sets,
            t=PARAMS.translators,
            f=TRANSLATED,
        ),
        *expand(f"{RUNS}/evaluate/{{s}}/{{f}}", s=PARAMS.sets, f=SCORED),
        *expand(f"{RUNS}/classifiers/{{s}}/{{f}}", s=PARAMS.sets, f=[*MODEL, *METRICS]),
        *expand(
            f"{RUNS}/diagnosis/{{s}}/{{t}}/{{f}}",
            s=PARAMS.sets,
            t=PARAMS.translators,
            f=DIAGNOSED,
        ),
        *expand(f"{RUNS}/evaluate/many-to-many/{{f}}", f=[*TOGETHER, "figure.png"]),
        *expand(f"{RUNS}/views/{{r}}/{{f}}", r=PARAMS.rigs, f=IMAGES),
        *expand(f"{RUNS}/pose/{{r}}/{{f}}", r=PARAMS.rigs, f=POSED),
        *expand(
            f"{RUNS}/ablations/{{a}}/{{f}}",
            a=list(PARAMS.ablations),
            f=["metrics.json", "record.json"],
        ),
        *expand(f"{RUNS}/evaluate/{{r}}/{{f}}", r=PARAMS.rigs, f=POSE_SCORED),
        *[f"{study(name)}/{f}" for name in STUDIES for f in studied(name)],
        *expand(f"{RUNS}/paired/{{s}}/{{f}}", s=PARAMS.paired_sets, f=IMAGES),
        *expand(
            f"{RUNS}/defend/{{s}}/{{d}}/{{f}}",
            s=PARAMS.paired_sets,
            d=PARAMS.defences,
            f=DEFENDED,
        ),
        *expand(f"{RUNS}/evaluate/{{s}}/{{f}}", s=PARAMS.paired_sets, f=HONEST),
        *puppet_shows(),
        *adaptation(),
    ]

"""The pipeline as Snakemake sees it: includes and the default target, nothing else."""

from snakemake.utils import min_version

min_version("9.18")


configfile: "params.yaml"


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"


rule all:
    input:
        f"{REPORTS}/scorecard.json",
        f"{REPORTS}/index.html",


include: "workflow/rules/data.smk"
include: "workflow/rules/alignment.smk"
include: "workflow/rules/attributes.smk"
include: "workflow/rules/translation.smk"
include: "workflow/rules/diagnosis.smk"
include: "workflow/rules/honesty.smk"
include: "workflow/rules/pose.smk"
include: "workflow/rules/studies.smk"
include: "workflow/rules/puppets.smk"
include: "workflow/rules/audit.smk"
include: "workflow/rules/adaptation.smk"
include: "workflow/rules/report.smk"

"""Adaptation: the benchmark of VisDA-2017 and Syn2Real on sets that need no download."""


rule adaptation_data:
    input:
        code=code("adaptation_data"),
        values=values(
            "adaptation_data@{domains}",
            "seed",
            "threads",
            "adaptation.sets.{domains}",
        ),
    output:
        tables=expand(
            f"{RUNS}/adaptation/data/{{{{domains}}}}/{{f}}.parquet",
            f=["source", "source_test", "validation", "test", *OPEN_SETS],
        ),
        lists=expand(
            f"{RUNS}/adaptation/data/{{{{domains}}}}/{{f}}.txt",
            f=["source_test", "validation", "test", *OPEN_SETS],
        ),
        sheet=report(
            f"{RUNS}/adaptation/data/{{domains}}/sheet.png",
            caption="../report/images.rst",
            category="Data",
            labels={"source": "{domains}", "figure": "source and targets"},
        ),
        record=f"{RUNS}/adaptation/data/{{domains}}/record.json",
    log:
        f"logs/{PARAMS.scale}/adaptation_data/{{domains}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/adaptation_data@{{domains}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.adaptation_data {SCALE} --domains {{domains}}",
    shell:
        "{params.command} > {log} 2>&1"


rule adapt:
    input:
        code=code("adapt"),
        values=values(
            "adapt@{domains}-{adapter}",
            "seed",
            "threads",
            "adaptation.sets.{domains}",
            "adaptation.settings.{adapter}",
        ),
        tables=expand(
            f"{RUNS}/adaptation/data/{{{{domains}}}}/{{f}}.parquet",
            f=["source", "source_test", "validation", "test"],
        ),
    output:
        expand(
            f"{RUNS}/adaptation/closed/{{{{domains}}}}/{{{{adapter}}}}/{{f}}",
            f=ADAPTED,
        ),
    log:
        f"logs/{PARAMS.scale}/adapt/{{domains}}-{{adapter}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/adapt@{{domains}}-{{adapter}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        command=f"python -m isthmus.stages.adapt {SCALE} --domains {{domains}} --adapter {{adapter}}",
    shell:
        "{params.command} > {log} 2>&1"


rule adapt_open:
    input:
        code=code("adapt_open"),
        values=values(
            "adapt_open@{domains}-{open_adapter}",
            "seed",
            "threads",
            "adaptation.sets.{domains}",
            "adaptation.settings.{open_adapter}",
            "adaptation.rejection",
        ),
        tables=expand(
            f"{RUNS}/adaptation/data/{{{{domains}}}}/{{f}}.parquet",
            f=["source", "source_test", *OPEN_SETS],
        ),
    output:
        expand(
            f"{RUNS}/adaptation/open/{{{{domains}}}}/{{{{open_adapter}}}}/{{f}}",
            f=ADAPTED_OPEN,
        ),
    log:
        f"logs/{PARAMS.scale}/adapt_open/{{domains}}-{{open_adapter}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/adapt_open@{{domains}}-{{open_adapter}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        command=f"python -m isthmus.stages.adapt_open {SCALE} --domains {{domains}} --adapter {{open_adapter}}",
    shell:
        "{params.command} > {log} 2>&1"


rule adaptation_score:
    input:
        code=code("adaptation_score"),
        values=values(
            "adaptation_score@{domains}", "seed", "threads", "adaptation.adapters"
        ),
        tables=expand(
            f"{RUNS}/adaptation/data/{{{{domains}}}}/{{f}}.parquet",
            f=["source_test", "validation", "test"],
        ),
        found=expand(
            f"{RUNS}/adaptation/closed/{{{{domains}}}}/{{a}}/{{f}}",
            a=ADAPTERS,
            f=ADAPTED,
        ),
    output:
        rows=expand(f"{RUNS}/evaluate/{{{{domains}}}}/{{f}}", f=ROWS),
        figure=report(
            f"{RUNS}/evaluate/{{domains}}/classes.png",
            caption="../report/classes.rst",
            category="Adaptation",
            labels={"source": "{domains}", "figure": "accuracy by class"},
        ),
    log:
        f"logs/{PARAMS.scale}/adaptation_score/{{domains}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/adaptation_score@{{domains}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.adaptation_score {SCALE} --domains {{domains}}",
    shell:
        "{params.command} > {log} 2>&1"


rule open_set_score:
    input:
        code=code("open_set_score"),
        values=values(
            "open_set_score@{domains}", "seed", "threads", "adaptation.open_adapters"
        ),
        tables=expand(
            f"{RUNS}/adaptation/data/{{{{domains}}}}/{{f}}.parquet", f=OPEN_SETS
        ),
        found=expand(
            f"{RUNS}/adaptation/open/{{{{domains}}}}/{{a}}/{{f}}",
            a=OPEN_ADAPTERS,
            f=ADAPTED_OPEN,
        ),
    output:
        rows=expand(f"{RUNS}/evaluate/{{{{domains}}}}-open/{{f}}", f=ROWS),
        figure=report(
            f"{RUNS}/evaluate/{{domains}}-open/classes.png",
            caption="../report/classes.rst",
            category="Adaptation",
            labels={"source": "{domains}, open set", "figure": "accuracy by class"},
        ),
    log:
        f"logs/{PARAMS.scale}/open_set_score/{{domains}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/open_set_score@{{domains}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.open_set_score {SCALE} --domains {{domains}}",
    shell:
        "{params.command} > {log} 2>&1"


rule syn2real_scorer:
    input:
        code=code("syn2real_scorer"),
        values=values("syn2real_scorer", "seed", "threads", "adaptation.scorer_files"),
    output:
        expand(f"{RUNS}/evaluate/syn2real-scorer/{{f}}", f=TRIED),
    log:
        f"logs/{PARAMS.scale}/syn2real_scorer.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/syn2real_scorer.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.syn2real_scorer {SCALE}",
    shell:
        "{params.command} > {log} 2>&1"

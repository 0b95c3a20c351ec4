"""Self-defence: sets of pairs, methods that may hide, and the audit of what they hide."""


rule paired:
    input:
        code=code("paired"),
        values=values("paired@{paired_set}", "seed", "threads", "paired.{paired_set}"),
    output:
        tables=expand(f"{RUNS}/paired/{{{{paired_set}}}}/{{f}}", f=TABLES),
        sheet=report(
            f"{RUNS}/paired/{{paired_set}}/sheet.png",
            caption="../report/images.rst",
            category="Data",
            labels={"source": "{paired_set}", "figure": "both domains"},
        ),
        record=f"{RUNS}/paired/{{paired_set}}/record.json",
    log:
        f"logs/{PARAMS.scale}/paired/{{paired_set}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/paired@{{paired_set}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.paired {SCALE} --paired_set {{paired_set}}",
    shell:
        "{params.command} > {log} 2>&1"


rule defend:
    input:
        code=code("defend"),
        values=values(
            "defend@{paired_set}-{defence}",
            "seed",
            "threads",
            "device",
            "defence",
            "translator.{defence}",
        ),
        images=f"{RUNS}/paired/{{paired_set}}/train.parquet",
    output:
        expand(f"{RUNS}/defend/{{{{paired_set}}}}/{{{{defence}}}}/{{f}}", f=DEFENDED),
    log:
        f"logs/{PARAMS.scale}/defend/{{paired_set}}-{{defence}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/defend@{{paired_set}}-{{defence}}.tsv"
    priority: 20
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=600,
    params:
        command=f"python -m isthmus.stages.defend {SCALE} --paired_set {{paired_set}} --defence {{defence}}",
    shell:
        "{params.command} > {log} 2>&1"


rule honesty:
    input:
        code=code("honesty"),
        values=values("honesty@{paired_set}", "seed", "threads", "defences", "honesty"),
        images=f"{RUNS}/paired/{{paired_set}}/test.parquet",
        trained=expand(
            f"{RUNS}/defend/{{{{paired_set}}}}/{{d}}/{{f}}",
            d=PARAMS.defences,
            f=DEFENDED,
        ),
    output:
        rows=expand(
            f"{RUNS}/evaluate/{{{{paired_set}}}}/{{f}}", f=[*ROWS, "levels.json"]
        ),
        curves=report(
            f"{RUNS}/evaluate/{{paired_set}}/curves.png",
            caption="../report/honesty.rst",
            category="Self-defence",
            labels={"source": "{paired_set}", "figure": "quantising and noise"},
        ),
        cycles=report(
            f"{RUNS}/evaluate/{{paired_set}}/cycles.png",
            caption="../report/honesty.rst",
            category="Self-defence",
            labels={"source": "{paired_set}", "figure": "there and back"},
        ),
    log:
        f"logs/{PARAMS.scale}/honesty/{{paired_set}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/honesty@{{paired_set}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        command=f"python -m isthmus.stages.honesty {SCALE} --paired_set {{paired_set}}",
    shell:
        "{params.command} > {log} 2>&1"

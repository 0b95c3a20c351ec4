"""Data: images of every source, the toy pairs, and the embedding of the digit pairs."""


rule images:
    input:
        code=code("images"),
        values=values(
            "images@{source}", "seed", "threads", "data.image_size", "data.{source}"
        ),
    output:
        tables=expand(f"{RUNS}/images/{{{{source}}}}/{{f}}", f=TABLES),
        sheet=report(
            f"{RUNS}/images/{{source}}/sheet.png",
            caption="../report/images.rst",
            category="Data",
            labels={"source": "{source}", "figure": "contact sheet"},
        ),
        record=f"{RUNS}/images/{{source}}/record.json",
    log:
        f"logs/{PARAMS.scale}/images/{{source}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/images@{{source}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1500,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.images {SCALE} --source {{source}}",
    shell:
        "{params.command} > {log} 2>&1"


rule points:
    input:
        code=code("points"),
        values=values("points@{toy}", "seed", "threads", "data.{toy}"),
    output:
        tables=expand(f"{RUNS}/points/{{{{toy}}}}/{{f}}", f=TABLES),
        sheet=report(
            f"{RUNS}/points/{{toy}}/sheet.png",
            caption="../report/points.rst",
            category="Data",
            labels={"source": "{toy}", "figure": "both domains"},
        ),
        record=f"{RUNS}/points/{{toy}}/record.json",
    log:
        f"logs/{PARAMS.scale}/points/{{toy}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/points@{{toy}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.points {SCALE} --pair {{toy}}",
    shell:
        "{params.command} > {log} 2>&1"


rule embed:
    input:
        code=code("embed"),
        values=values(
            "embed@{digits}", "seed", "threads", "digit_pairs.{digits}", "embed"
        ),
        a=side("a", "images", TABLES),
        b=side("b", "images", TABLES),
    output:
        tables=expand(f"{RUNS}/points/{{{{digits}}}}/{{f}}", f=TABLES),
        model=expand(f"{RUNS}/points/{{{{digits}}}}/{{f}}", f=MODEL),
        sheet=report(
            f"{RUNS}/points/{{digits}}/sheet.png",
            caption="../report/embed.rst",
            category="Embedding",
            labels={"source": "{digits}", "figure": "reconstructions"},
        ),
        metrics=expand(f"{RUNS}/points/{{{{digits}}}}/{{f}}", f=METRICS),
    log:
        f"logs/{PARAMS.scale}/embed/{{digits}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/embed@{{digits}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.embed {SCALE} --pair {{digits}}",
    shell:
        "{params.command} > {log} 2>&1"

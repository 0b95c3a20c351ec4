"""Attributes: classifiers on real images, and what they say of the decoded alignments."""


rule attributes:
    input:
        code=code("attributes"),
        values=values("attributes@{source}", "seed", "threads", "attributes"),
        images=expand(f"{RUNS}/images/{{{{source}}}}/{{f}}", f=TABLES),
    output:
        expand(f"{RUNS}/attributes/{{{{source}}}}/{{f}}", f=[*MODEL, *METRICS]),
    log:
        f"logs/{PARAMS.scale}/attributes/{{source}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/attributes@{{source}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.attributes {SCALE} --source {{source}}",
    shell:
        "{params.command} > {log} 2>&1"


rule decode:
    input:
        code=code("decode"),
        values=values(
            "decode@{digits}",
            "seed",
            "threads",
            "families",
            "rivals",
            "rival_pairs",
            "digit_pairs.{digits}",
        ),
        points=expand(
            f"{RUNS}/points/{{{{digits}}}}/{{f}}", f=["test.parquet", "record.json"]
        ),
        model=expand(f"{RUNS}/points/{{{{digits}}}}/{{f}}", f=MODEL),
        images=side("a", "images", ["test.parquet"]),
        classifier_a=side("a", "attributes", MODEL),
        classifier_b=side("b", "attributes", MODEL),
        aligned=aligned("digits"),
    output:
        rows=expand(f"{RUNS}/decode/{{{{digits}}}}/{{f}}", f=ROWS),
        digits=report(
            f"{RUNS}/decode/{{digits}}/digits.png",
            caption="../report/digits.rst",
            category="Alignment",
            labels={"source": "{digits}", "figure": "decoded digits"},
        ),
        confusion=report(
            f"{RUNS}/decode/{{digits}}/confusion.png",
            caption="../report/confusion.rst",
            category="Alignment",
            labels={
                "source": "{digits}",
                "figure": "decoded class before against after",
            },
        ),
    log:
        f"logs/{PARAMS.scale}/decode/{{digits}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/decode@{{digits}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.decode {SCALE} --pair {{digits}}",
    shell:
        "{params.command} > {log} 2>&1"

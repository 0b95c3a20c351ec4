"""Diagnosis: classifiers of the factors, and what is inside a trained translator."""


rule classifiers:
    input:
        code=code("classifiers"),
        values=values("classifiers@{set}", "seed", "threads", "classifiers"),
        images=f"{RUNS}/scenes/{{set}}/test.parquet",
    output:
        expand(f"{RUNS}/classifiers/{{{{set}}}}/{{f}}", f=[*MODEL, *METRICS]),
    log:
        f"logs/{PARAMS.scale}/classifiers/{{set}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/classifiers@{{set}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.classifiers {SCALE} --set {{set}}",
    shell:
        "{params.command} > {log} 2>&1"


rule diagnosis:
    input:
        code=code("diagnosis"),
        values=values(
            "diagnosis@{set}-{translator}",
            "seed",
            "threads",
            "translation",
            "translator.{translator}",
            "diagnosis",
        ),
        images=expand(f"{RUNS}/scenes/{{{{set}}}}/{{f}}", f=TABLES),
        translated=expand(
            f"{RUNS}/translate/{{{{set}}}}/{{{{translator}}}}/{{f}}",
            f=["translated.parquet", *MODEL],
        ),
        classifier=expand(f"{RUNS}/classifiers/{{{{set}}}}/{{f}}", f=MODEL),
    output:
        files=expand(
            f"{RUNS}/diagnosis/{{{{set}}}}/{{{{translator}}}}/{{f}}",
            f=["metrics.json", "record.json"],
        ),
        figure=report(
            f"{RUNS}/diagnosis/{{set}}/{{translator}}/probes.png",
            caption="../report/diagnosis.rst",
            category="Translation",
            labels={"source": "{set}", "figure": "{translator}, probes"},
        ),
    log:
        f"logs/{PARAMS.scale}/diagnosis/{{set}}-{{translator}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/diagnosis@{{set}}-{{translator}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.diagnosis {SCALE} --set {{set}} --translator {{translator}}",
    shell:
        "{params.command} > {log} 2>&1"

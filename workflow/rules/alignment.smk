"""Alignment: private densities, then one rule for every way to align A to B."""


rule prefit:
    input:
        code=code("prefit"),
        values=values("prefit@{pair}", "seed", "threads", "prefit.{pair}"),
        points=expand(f"{RUNS}/points/{{{{pair}}}}/{{f}}", f=TABLES),
    output:
        expand(f"{RUNS}/prefit/{{{{pair}}}}/{{f}}", f=PREFIT),
    log:
        f"logs/{PARAMS.scale}/prefit/{{pair}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/prefit@{{pair}}.tsv"
    priority: 10
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.prefit {SCALE} --pair {{pair}}",
    shell:
        "{params.command} > {log} 2>&1"


rule coral:
    input:
        code=code("coral"),
        values=values("coral@{pair}", "seed", "threads"),
        points=expand(f"{RUNS}/points/{{{{pair}}}}/{{f}}", f=TABLES),
    output:
        expand(f"{RUNS}/align/{{{{pair}}}}/coral/{{f}}", f=ALIGNED),
    log:
        f"logs/{PARAMS.scale}/coral/{{pair}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/coral@{{pair}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.coral {SCALE} --pair {{pair}}",
    shell:
        "{params.command} > {log} 2>&1"


rule back_to_back:
    input:
        code=code("back_to_back"),
        values=values("back_to_back@{pair}", "seed", "threads", "prefit.{pair}"),
        points=f"{RUNS}/points/{{pair}}/test.parquet",
        densities=f"{RUNS}/prefit/{{pair}}/densities.safetensors",
    output:
        expand(f"{RUNS}/align/{{{{pair}}}}/back-to-back/{{f}}", f=ALIGNED),
    log:
        f"logs/{PARAMS.scale}/back-to-back/{{pair}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/back_to_back@{{pair}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.back_to_back {SCALE} --pair {{pair}}",
    shell:
        "{params.command} > {log} 2>&1"


rule lrmf:
    input:
        code=code("lrmf"),
        values=values(
            "lrmf@{pair}-{family}", "seed", "threads", "prefit.{pair}", "align.{pair}"
        ),
        points=expand(f"{RUNS}/points/{{{{pair}}}}/{{f}}", f=TABLES),
        densities=f"{RUNS}/prefit/{{pair}}/densities.safetensors",
    output:
        expand(
            f"{RUNS}/align/{{{{pair}}}}/lrmf-{{{{family}}}}/{{f}}",
            f=[*ALIGNED, "curves.json"],
        ),
    log:
        f"logs/{PARAMS.scale}/lrmf/{{pair}}-{{family}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/lrmf@{{pair}}-{{family}}.tsv"
    priority: 5
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        command=f"python -m isthmus.stages.lrmf {SCALE} --pair {{pair}} --family {{family}}",
    shell:
        "{params.command} > {log} 2>&1"


rule rival:
    input:
        code=code("rival"),
        values=values(
            "rival@{rival_pair}-{rival}",
            "seed",
            "threads",
            "prefit.{rival_pair}.seeds",
            "align.{rival_pair}",
            "rival.{rival}",
        ),
        points=expand(f"{RUNS}/points/{{{{rival_pair}}}}/{{f}}", f=TABLES),
    output:
        expand(f"{RUNS}/align/{{{{rival_pair}}}}/{{{{rival}}}}/{{f}}", f=RIVAL),
    log:
        f"logs/{PARAMS.scale}/rival/{{rival_pair}}-{{rival}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/rival@{{rival_pair}}-{{rival}}.tsv"
    priority: 5
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.rival {SCALE} --pair {{rival_pair}} --method {{rival}}",
    shell:
        "{params.command} > {log} 2>&1"


rule evaluate:
    input:
        code=code("evaluate"),
        values=values(
            "evaluate@{pair}",
            "seed",
            "threads",
            "families",
            "rivals",
            "rival_pairs",
            "rival.mmd.width",
            "evaluate",
            "prefit.{pair}.seeds",
        ),
        points=expand(f"{RUNS}/points/{{{{pair}}}}/{{f}}", f=[*TABLES, "record.json"]),
        aligned=aligned("pair"),
    output:
        rows=expand(f"{RUNS}/evaluate/{{{{pair}}}}/{{f}}", f=ROWS),
        clouds=report(
            f"{RUNS}/evaluate/{{pair}}/clouds.png",
            caption="../report/clouds.rst",
            category="Alignment",
            labels={"source": "{pair}", "figure": "clouds"},
        ),
        confusion=report(
            f"{RUNS}/evaluate/{{pair}}/confusion.png",
            caption="../report/confusion.rst",
            category="Alignment",
            labels={"source": "{pair}", "figure": "class before against after"},
        ),
    log:
        f"logs/{PARAMS.scale}/evaluate/{{pair}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/evaluate@{{pair}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.evaluate {SCALE} --pair {{pair}}",
    shell:
        "{params.command} > {log} 2>&1"

"""Puppets: the data of PuppetGAN's tasks, every puppeteer, their score."""


rule puppets:
    input:
        code=code("puppets"),
        values=values("puppets@{task}", "seed", "threads", "puppets"),
    output:
        tables=expand(f"{RUNS}/puppets/{{{{task}}}}/{{f}}", f=[*PUPPETS, "record.json"]),
        sheet=report(
            f"{RUNS}/puppets/{{task}}/sheet.png",
            caption="../report/puppets.rst",
            category="Data",
            labels={"source": "{task}", "figure": "puppets"},
        ),
    log:
        f"logs/{PARAMS.scale}/puppets/{{task}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/puppets@{{task}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.puppets {SCALE} --task {{task}}",
    shell:
        "{params.command} > {log} 2>&1"


rule puppet_judge:
    input:
        code=code("puppet_judge"),
        values=values("puppet_judge@{task}", "seed", "threads", "puppet_judge"),
        images=expand(
            f"{RUNS}/puppets/{{{{task}}}}/{{f}}",
            f=["labelled.parquet", "test.parquet"],
        ),
    output:
        expand(f"{RUNS}/puppet_judge/{{{{task}}}}/{{f}}", f=[*MODEL, *METRICS]),
    log:
        f"logs/{PARAMS.scale}/puppet_judge/{{task}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/puppet_judge@{{task}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.puppet_judge {SCALE} --task {{task}}",
    shell:
        "{params.command} > {log} 2>&1"


rule puppetry:
    input:
        code=code("puppetry"),
        values=values(
            "puppetry@{task}-{puppeteer}",
            "seed",
            "threads",
            "device",
            "puppetry",
            "puppeteer.{puppeteer}",
        ),
        tables=expand(
            f"{RUNS}/puppets/{{{{task}}}}/{{f}}",
            f=[*PUPPETS, "sheet.png", "record.json"],
        ),
    output:
        files=expand(
            f"{RUNS}/puppetry/{{{{task}}}}/{{{{puppeteer}}}}/{{f}}",
            f=[f for f in DRIVEN if f != "sheet.png"],
        ),
        sheet=report(
            f"{RUNS}/puppetry/{{task}}/{{puppeteer}}/sheet.png",
            caption="../report/driven.rst",
            category="Puppets",
            labels={"source": "{task}", "figure": "{puppeteer}"},
        ),
    log:
        f"logs/{PARAMS.scale}/puppetry/{{task}}-{{puppeteer}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/puppetry@{{task}}-{{puppeteer}}.tsv"
    priority: 20
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=600,
    params:
        command=f"python -m isthmus.stages.puppetry {SCALE} --task {{task}} --puppeteer {{puppeteer}}",
    shell:
        "{params.command} > {log} 2>&1"


rule puppet_score:
    input:
        code=code("puppet_score"),
        values=values("puppet_score@{task}", "seed", "threads", "puppeteers"),
        tables=expand(
            f"{RUNS}/puppets/{{{{task}}}}/{{f}}",
            f=[*PUPPETS, "sheet.png", "record.json"],
        ),
        judge=expand(f"{RUNS}/puppet_judge/{{{{task}}}}/{{f}}", f=MODEL),
        driven=expand(
            f"{RUNS}/puppetry/{{{{task}}}}/{{p}}/{{f}}", p=PARAMS.puppeteers, f=DRIVEN
        ),
    output:
        rows=expand(
            f"{RUNS}/evaluate/puppetgan-{{{{task}}}}/{{f}}", f=[*ROWS, "learning.json"]
        ),
        figure=report(
            f"{RUNS}/evaluate/puppetgan-{{task}}/figure.png",
            caption="../report/driven.rst",
            category="Puppets",
            labels={"source": "{task}", "figure": "all methods"},
        ),
        learning=report(
            f"{RUNS}/evaluate/puppetgan-{{task}}/learning.png",
            caption="../report/learning.rst",
            category="Puppets",
            labels={"source": "{task}", "figure": "scores over steps"},
        ),
    log:
        f"logs/{PARAMS.scale}/puppet_score/{{task}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/puppet_score@{{task}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.puppet_score {SCALE} --task {{task}}",
    shell:
        "{params.command} > {log} 2>&1"

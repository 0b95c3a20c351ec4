"""Audits: classifiers met with the images of stored translators."""


rule sensitivity:
    input:
        code=code("sensitivity"),
        values=values(
            "sensitivity",
            "seed",
            "threads",
            "sets",
            "translators",
            "puppet_tasks",
            "puppeteers",
            "sensitivity",
        ),
        scenes=expand(f"{RUNS}/scenes/{{s}}/{{f}}", s=PARAMS.sets, f=IMAGES),
        translators=expand(
            f"{RUNS}/translate/{{s}}/{{t}}/{{f}}",
            s=PARAMS.sets,
            t=PARAMS.translators,
            f=TRANSLATED,
        ),
        puppets=expand(
            f"{RUNS}/puppets/{{s}}/{{f}}",
            s=PARAMS.puppet_tasks,
            f=[*PUPPETS, "sheet.png", "record.json"],
        ),
        judges=expand(
            f"{RUNS}/puppet_judge/{{s}}/{{f}}",
            s=PARAMS.puppet_tasks,
            f=[*MODEL, *METRICS],
        ),
        puppeteers=expand(
            f"{RUNS}/puppetry/{{s}}/{{p}}/{{f}}",
            s=PARAMS.puppet_tasks,
            p=PARAMS.puppeteers,
            f=DRIVEN,
        ),
    output:
        files=expand(
            f"{RUNS}/evaluate/sensitivity/{{f}}",
            f=["metrics.json", "responses.json", "record.json"],
        ),
        figure=report(
            f"{RUNS}/evaluate/sensitivity/figure.png",
            caption="../report/sensitivity.rst",
            category="Audit",
            labels={"source": "all", "figure": "responses"},
        ),
        flips=report(
            f"{RUNS}/evaluate/sensitivity/flips.png",
            caption="../report/sensitivity.rst",
            category="Audit",
            labels={"source": "all", "figure": "flips"},
        ),
    log:
        f"logs/{PARAMS.scale}/sensitivity.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/sensitivity.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.sensitivity {SCALE}",
    shell:
        "{params.command} > {log} 2>&1"

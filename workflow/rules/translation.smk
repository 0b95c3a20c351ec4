"""Translation: the sets of the many-to-many benchmark, every translator, and its score."""


rule scenes:
    input:
        code=code("scenes"),
        values=values("scenes@{set}", "seed", "threads", "scenes"),
    output:
        tables=expand(f"{RUNS}/scenes/{{{{set}}}}/{{f}}", f=TABLES),
        sheet=report(
            f"{RUNS}/scenes/{{set}}/sheet.png",
            caption="../report/images.rst",
            category="Data",
            labels={"source": "{set}", "figure": "both domains"},
        ),
        record=f"{RUNS}/scenes/{{set}}/record.json",
    log:
        f"logs/{PARAMS.scale}/scenes/{{set}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/scenes@{{set}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.scenes {SCALE} --set {{set}}",
    shell:
        "{params.command} > {log} 2>&1"


rule translate:
    input:
        code=code("translate"),
        values=values(
            "translate@{set}-{translator}",
            "seed",
            "threads",
            "device",
            "translation",
            "translator.{translator}",
        ),
        images=expand(f"{RUNS}/scenes/{{{{set}}}}/{{f}}", f=TABLES),
    output:
        files=expand(
            f"{RUNS}/translate/{{{{set}}}}/{{{{translator}}}}/{{f}}",
            f=[f for f in TRANSLATED if f != "sheet.png"],
        ),
        sheet=report(
            f"{RUNS}/translate/{{set}}/{{translator}}/sheet.png",
            caption="../report/translate.rst",
            category="Translation",
            labels={"source": "{set}", "figure": "{translator}"},
        ),
    log:
        f"logs/{PARAMS.scale}/translate/{{set}}-{{translator}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/translate@{{set}}-{{translator}}.tsv"
    priority: 20
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=600,
    params:
        command=f"python -m isthmus.stages.translate {SCALE} --set {{set}} --translator {{translator}}",
    shell:
        "{params.command} > {log} 2>&1"


rule many_to_many:
    input:
        code=code("many_to_many"),
        values=values("many_to_many", "seed", "threads", "sets", "translators"),
        images=expand(f"{RUNS}/scenes/{{s}}/{{f}}", s=PARAMS.sets, f=IMAGES),
        translated=expand(
            f"{RUNS}/translate/{{s}}/{{t}}/{{f}}",
            s=PARAMS.sets,
            t=PARAMS.translators,
            f=TRANSLATED,
        ),
    output:
        files=expand(f"{RUNS}/evaluate/many-to-many/{{f}}", f=TOGETHER),
        figure=report(
            f"{RUNS}/evaluate/many-to-many/figure.png",
            caption="../report/pixel_share.rst",
            category="Translation",
            labels={"source": "all splits", "figure": "accuracy by pixel share"},
        ),
    log:
        f"logs/{PARAMS.scale}/many_to_many.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/many_to_many.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        command=f"python -m isthmus.stages.many_to_many {SCALE}",
    shell:
        "{params.command} > {log} 2>&1"


rule manipulation:
    input:
        code=code("manipulation"),
        values=values("manipulation@{set}", "seed", "threads", "translators"),
        images=expand(
            f"{RUNS}/scenes/{{{{set}}}}/{{f}}", f=["test.parquet", "record.json"]
        ),
        translated=expand(
            f"{RUNS}/translate/{{{{set}}}}/{{t}}/{{f}}",
            t=PARAMS.translators,
            f=TRANSLATED,
        ),
    output:
        rows=expand(f"{RUNS}/evaluate/{{{{set}}}}/{{f}}", f=[*ROWS, "learning.json"]),
        learning=report(
            f"{RUNS}/evaluate/{{set}}/learning.png",
            caption="../report/learning.rst",
            category="Translation",
            labels={"source": "{set}", "figure": "accuracy over steps"},
        ),
        figure=report(
            f"{RUNS}/evaluate/{{set}}/accuracy.png",
            caption="../report/manipulation.rst",
            category="Translation",
            labels={"source": "{set}", "figure": "accuracy by factor"},
        ),
    log:
        f"logs/{PARAMS.scale}/manipulation/{{set}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/manipulation@{{set}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=60,
    params:
        command=f"python -m isthmus.stages.manipulation {SCALE} --set {{set}}",
    shell:
        "{params.command} > {log} 2>&1"

"""Multi-view pose: frames of a rig, their solutions by every method, ablations, and the scores."""


rule views:
    input:
        code=code("views"),
        values=values("views@{rig}", "seed", "threads", "rig.{rig}"),
    output:
        tables=expand(f"{RUNS}/views/{{{{rig}}}}/{{f}}", f=TABLES),
        sheet=report(
            f"{RUNS}/views/{{rig}}/sheet.png",
            caption="../report/views.rst",
            category="Data",
            labels={"source": "{rig}", "figure": "what the cameras see"},
        ),
        record=f"{RUNS}/views/{{rig}}/record.json",
    log:
        f"logs/{PARAMS.scale}/views/{{rig}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/views@{{rig}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        command=f"python -m isthmus.stages.views {SCALE} --rig {{rig}}",
    shell:
        "{params.command} > {log} 2>&1"


rule pose:
    input:
        code=code("pose"),
        values=values("pose@{rig}", "seed", "threads", "rig.{rig}", "pose"),
        frames=expand(f"{RUNS}/views/{{{{rig}}}}/{{f}}", f=TABLES),
    output:
        files=expand(
            f"{RUNS}/pose/{{{{rig}}}}/{{f}}",
            f=[f for f in POSED if f != "skeletons.png"],
        ),
        figure=report(
            f"{RUNS}/pose/{{rig}}/skeletons.png",
            caption="../report/skeletons.rst",
            category="Pose",
            labels={"source": "{rig}", "figure": "skeletons"},
        ),
    log:
        f"logs/{PARAMS.scale}/pose/{{rig}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/pose@{{rig}}.tsv"
    priority: 10
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        command=f"python -m isthmus.stages.pose {SCALE} --rig {{rig}}",
    shell:
        "{params.command} > {log} 2>&1"


rule ablations:
    input:
        code=code("ablations"),
        values=values(
            "ablations@{ablation}",
            "seed",
            "threads",
            "rig.rig",
            "pose",
            "ablations.{ablation}",
        ),
        frames=expand(f"{RUNS}/views/rig/{{f}}", f=TABLES),
    output:
        expand(
            f"{RUNS}/ablations/{{{{ablation}}}}/{{f}}",
            f=["metrics.json", "record.json"],
        ),
    log:
        f"logs/{PARAMS.scale}/ablations/{{ablation}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/ablations@{{ablation}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=3000,
        runtime=120,
    params:
        command=f"python -m isthmus.stages.ablations {SCALE} --ablation {{ablation}}",
    shell:
        "{params.command} > {log} 2>&1"


rule pose_scores:
    input:
        code=code("pose_scores"),
        values=values(
            "pose_scores@{rig}", "seed", "threads", "rig.{rig}", "pose", "ablations"
        ),
        frames=f"{RUNS}/views/{{rig}}/test.parquet",
        solved=expand(f"{RUNS}/pose/{{{{rig}}}}/{{f}}", f=["metrics.json", *MODEL]),
        ablations=expand(
            f"{RUNS}/ablations/{{a}}/metrics.json", a=list(PARAMS.ablations)
        ),
    output:
        files=expand(
            f"{RUNS}/evaluate/{{{{rig}}}}/{{f}}",
            f=[f for f in POSE_SCORED if f != "figure.png"],
        ),
        figure=report(
            f"{RUNS}/evaluate/{{rig}}/figure.png",
            caption="../report/pose.rst",
            category="Pose",
            labels={"source": "{rig}", "figure": "errors"},
        ),
    log:
        f"logs/{PARAMS.scale}/pose_scores/{{rig}}.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/pose_scores@{{rig}}.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=1000,
        runtime=30,
    params:
        command=f"python -m isthmus.stages.pose_scores {SCALE} --rig {{rig}}",
    shell:
        "{params.command} > {log} 2>&1"

"""Report: the sync to MLflow, the scorecard and the page."""


rule track:
    input:
        code=code("track"),
        values=values("track", *REPORTED),
        everything=everything(),
    output:
        f"{RUNS}/track/tracked.json",
        f"{RUNS}/track/record.json",
    log:
        f"logs/{PARAMS.scale}/track.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/track.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        command=f"python -m isthmus.stages.track {SCALE}",
    shell:
        "{params.command} > {log} 2>&1"


rule report:
    input:
        "claims.yaml",
        "src/isthmus/report/page.html",
        code=code("report"),
        values=values("report", *REPORTED),
        everything=everything(),
        tracked=f"{RUNS}/track/tracked.json",
    output:
        f"{REPORTS}/scorecard.json",
        f"{REPORTS}/tables.json",
        f"{REPORTS}/record.json",
        page=f"{REPORTS}/index.html",
        results=f"{REPORTS}/results.json",
    log:
        f"logs/{PARAMS.scale}/report.log",
    benchmark:
        f"benchmarks/{PARAMS.scale}/report.tsv"
    conda:
        "../envs/isthmus.yaml"
    threads: PARAMS.threads
    resources:
        mem_mb=2000,
        runtime=15,
    params:
        command=f"python -m isthmus.stages.report {SCALE}",
    shell:
        "{params.command} > {log} 2>&1"


onsuccess:
    print(to_dvc(PARAMS))


onerror:
    print(to_dvc(PARAMS))

"""Studies: one experiment of the talk each, complete in one stage."""

STUDY = PARAMS.studies.digit_study
READ = {
    "comparison": expand(
        f"{RUNS}/evaluate/{{s}}/metrics.json",
        s=["moons", "motivation", "dual", "digit-study", "vanishing-gradient"],
    ),
    "digit_study": [
        *expand(f"{RUNS}/images/{STUDY.target}/{{f}}", f=TABLES),
        f"{RUNS}/images/{STUDY.source}/train.parquet",
    ],
    "pixel_flow": [
        *expand(
            f"{RUNS}/images/{{s}}/{{f}}",
            s=[PARAMS.digit_pairs["digits"].a, PARAMS.digit_pairs["digits"].b],
            f=TABLES,
        ),
        *expand(f"{RUNS}/attributes/{PARAMS.digit_pairs['digits'].b}/{{f}}", f=MODEL),
    ],
}
MORE = {"pixel_flow": ["digit_pairs.digits"]}

for name in STUDIES:

    rule:
        name:
            name
        input:
            code=code(name),
            values=values(
                name, "seed", "threads", f"studies.{name}", *MORE.get(name, [])
            ),
            read=READ.get(name, []),
        output:
            expand(
                f"{study(name)}/{{f}}",
                f=[f for f in studied(name) if f != "figure.png"],
            ),
            figure=report(
                f"{study(name)}/figure.png",
                caption="../report/study.rst",
                category="Studies",
                labels={"source": name, "figure": "figure"},
            ),
        log:
            f"logs/{PARAMS.scale}/{name}.log",
        benchmark:
            f"benchmarks/{PARAMS.scale}/{name}.tsv"
        conda:
            "../envs/isthmus.yaml"
        threads: PARAMS.threads
        resources:
            mem_mb=2000,
            runtime=60,
        params:
            command=f"python -m isthmus.stages.{name} {SCALE}",
        shell:
            "{params.command} > {log} 2>&1"

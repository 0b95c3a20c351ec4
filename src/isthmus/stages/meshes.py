"""Move the vertices of a standing body to those of a striding one, by LRMF and by F o G^-1."""

from __future__ import annotations

from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from matplotlib import pyplot as plt
from matplotlib.ticker import MultipleLocator
from mpl_toolkits.mplot3d.art3d import Poly3DCollection

from isthmus.alignment.mesh_experiment import (
    BACK_TO_BACK,
    LRMF_REALNVP,
    MeshExperiment,
    mesh_experiment,
)
from isthmus.job import Job, stage
from isthmus.metrics.summary import curves, summary
from isthmus.seeding import derive


@stage("seed", "threads", "studies.meshes", folder="runs/{scale}/evaluate/meshes")
def main(job: Job) -> None:
    """Move the vertices of one body pose to another."""
    settings = dict(job.config.value("studies.meshes"))
    seeds = [derive(job.seed, index) for index in range(settings.pop("seeds"))]
    result = mesh_experiment(seeds, **settings)
    job.write_json(
        "metrics.json",
        {
            method: {name: summary(values) for name, values in figures.items()}
            for method, figures in result.metrics.items()
        },
    )
    job.write_json("curves.json", curves({"loss_nats": result.curve}))
    draw(result, job.output("figure.png"))


def draw(result: MeshExperiment, path: Path) -> None:
    """Both poses, and A after each method with the first seed, coloured by body part."""
    panels = {
        "A": result.a.vertices,
        "B": result.b.vertices,
        "LRMF: T(A)": result.moved[LRMF_REALNVP][0],
        "F ∘ G⁻¹(A)": result.moved[BACK_TO_BACK][0],
    }
    low, high = result.b.vertices.min(0) - 0.1, result.b.vertices.max(0) + 0.1
    colours = plt.get_cmap("tab10")(result.a.parts[result.a.triangles[:, 0]])
    figure = plt.figure(figsize=(10, 4.2))
    for index, (title, vertices) in enumerate(panels.items()):
        axes = figure.add_axes(
            (0.25 * index, 0, 0.25, 0.94), projection="3d", computed_zorder=False
        )
        axes.add_collection3d(
            Poly3DCollection(
                vertices[result.a.triangles],
                facecolors=colours,
                edgecolors=(0, 0, 0, 0.25),
                linewidths=0.2,
                shade=True,
            )
        )
        axes.set(
            title=title,
            xlim=(low[0], high[0]),
            ylim=(low[1], high[1]),
            zlim=(low[2], high[2]),
            xlabel="x (m)",
            ylabel="y (m)",
            zlabel="z (m)",
        )
        axes.set_box_aspect(high - low, zoom=1.15)
        axes.view_init(elev=12, azim=60)
        axes.tick_params(labelsize=7, pad=-1)
        for axis in (axes.xaxis, axes.yaxis, axes.zaxis):
            axis.set_major_locator(MultipleLocator(0.5))
    figure.savefig(path, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()

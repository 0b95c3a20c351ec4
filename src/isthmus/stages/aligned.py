"""How an alignment is written: the aligned points of every seed, and the flow if there is one."""

from __future__ import annotations

import numpy as np
from safetensors.torch import save_file
from torch import Tensor, nn

from isthmus.data.table import Table, write_table
from isthmus.job import Job


def write_aligned(job: Job, flow: nn.Module, a: Table, moved: Tensor) -> None:
    """Write T(A) of the test points, `(E, N, D)`, one block of rows a seed, and T itself."""
    write_points(job, a, moved)
    state = {name: tensor.contiguous().clone() for name, tensor in flow.state_dict().items()}
    save_file(state, job.output("flow.safetensors"))


def write_points(job: Job, a: Table, moved: Tensor) -> None:
    """Write T(A) of the test points, `(E, N, D)`, one block of rows a seed."""
    members = moved.shape[0]
    write_table(
        Table(
            kind="points",
            values=moved.reshape(-1, moved.shape[-1]).float().numpy(),
            factors={
                "member": np.repeat(np.arange(members), len(a)),
                **{name: np.tile(codes, members) for name, codes in a.factors.items()},
            },
            levels={"member": tuple(str(i) for i in range(members)), **a.levels},
            source=f"{job.key} of {a.source}",
            seed=job.seed,
        ),
        job.output("aligned.parquet"),
    )

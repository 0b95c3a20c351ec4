"""The MLflow UI over the runs."""

from __future__ import annotations

import errno
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.tracking.disk import topic_of
from isthmus.tracking.store import ENVIRONMENT, Store, store_uri, without_password
from isthmus.tracking.sync import run_links, sync


def serve(root: Path, config: Config, *, host: str = "127.0.0.1", port: int = 5000) -> None:
    """Sync, then become the MLflow UI over the runs; for a server elsewhere, say where it is.

    Args:
        root: The project's folder.
        config: The parameters of the scale to sync.
        host: Address to listen on.
        port: Port to listen on.

    Raises:
        InputError: The address cannot be listened on, such as a port that is taken.
    """
    store = Store(root, store_uri(config))
    if store.artifacts:
        try:
            socket.create_server((host, port)).close()
        except (OSError, OverflowError) as error:
            taken = getattr(error, "errno", None) == errno.EADDRINUSE
            problem = "the port is taken" if taken else f"cannot listen there ({error})"
            raise InputError(f"{host}:{port}", problem, mend="choose another --port") from None
    result = sync(root, config)
    if result.reason:
        print(f"warning: not all runs are up to date: {result.reason}", file=sys.stderr)
    address = f"http://{host}:{port}" if store.artifacts else without_password(store.uri)
    print(*_tables(address, run_links(root, config)), sep="\n", flush=True)
    if store.artifacts:
        command = [sys.executable, "-m", "mlflow", "server", "--workers", "1"]
        command += ["--artifacts-destination", str(store.artifacts)]
        command += ["--host", host, "--port", str(port)]
        quiet = {**ENVIRONMENT, "MLFLOW_LOGGING_LEVEL": "WARNING"}
        hidden = {"MLFLOW_BACKEND_STORE_URI": store.uri}  # its password: not in a process list
        os.execve(sys.executable, command, {**quiet, **os.environ, **hidden})


def _tables(address: str, links: dict[str, tuple[str, str]]) -> Iterator[str]:
    """Links to the run table of each topic: MLflow's first page shows something else."""
    homes = {topic_of(key.split("@")[0]): experiment for key, (experiment, _) in links.items()}
    yield f"MLflow: {address}"
    for topic, experiment in sorted(homes.items()):
        yield f"{topic}: {address}/#/experiments/{experiment}/runs?workflowType=machine_learning"

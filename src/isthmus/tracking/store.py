"""The MLflow store that a tracking URI leads to."""

from __future__ import annotations

import logging
import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from filelock import FileLock

from isthmus.config import Config
from isthmus.errors import InputError
from isthmus.tracking.disk import hashed

ENVIRONMENT = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_SQLALCHEMYSTORE_POOLCLASS": "NullPool",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "5",
    "GIT_PYTHON_REFRESH": "quiet",
}
"""Settings for MLflow where the user has made none: no telemetry, an absent server fails fast."""

LOCK_SECONDS = 300.0
BUSY_SECONDS = 5.0


def store_uri(config: Config) -> str:
    """The tracking URI: the environment variable MLFLOW_TRACKING_URI, else `tracking.store`."""
    return os.environ.get("MLFLOW_TRACKING_URI") or config.tracking.store


class Store:
    """Where a tracking URI leads, as seen from the project's folder."""

    def __init__(self, root: Path, uri: str) -> None:
        self.root = root.resolve()
        self.uri = uri
        self.database: Path | None = None
        self.artifacts: Path | None = None
        if match := re.match(r"sqlite:///([^?]+)", uri):
            self.database = (self.root / match[1]).resolve()
            self.uri = f"sqlite:///{self.database}"
        if re.match(r"sqlite|postgresql|mysql|mssql", uri):
            home = self.database.parent if self.database else self.root
            self.artifacts = home / "mlartifacts"

    def lock(self) -> FileLock:
        """Held while writing: one sync at a time to a database file."""
        path = self.root / ".isthmus" / "locks" / f"tracking-{hashed(self.uri)}.lock"
        if self.database:
            path = self.database.with_name(f"{self.database.name}.lock")
        path.parent.mkdir(parents=True, exist_ok=True)
        return FileLock(path, timeout=LOCK_SECONDS)

    def holds(self, runs: set[str]) -> bool:
        """Whether the runs are in the database, asked without MLflow; a server is believed."""
        if self.database is None:
            return True
        if not self.database.is_file():
            return False
        address = f"{self.database.as_uri()}?mode=ro"
        with closing(sqlite3.connect(address, uri=True, timeout=BUSY_SECONDS)) as database:
            rows = database.execute("SELECT run_uuid FROM runs WHERE lifecycle_stage = 'active'")
            return runs <= {run for (run,) in rows}

    def client(self) -> Any:
        """An MLflow client, once the store is found usable."""
        os.environ.update({**ENVIRONMENT, **os.environ})
        from mlflow import MlflowClient

        for name in ("mlflow", "alembic", "urllib3"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self.database and self.database.is_file():
            with closing(sqlite3.connect(self.database, timeout=BUSY_SECONDS)) as database:
                database.execute("BEGIN IMMEDIATE")
        elif self.database:
            self._initialise(self.database)
        return MlflowClient(self.uri)

    def _initialise(self, database: Path) -> None:
        """Make the database, whole or not at all: killed half-way, MLflow could not use it."""
        from mlflow import MlflowClient

        aside = database.with_name(f"{database.name}.new")
        shutil.rmtree(aside, ignore_errors=True)
        aside.mkdir()
        try:
            MlflowClient(f"sqlite:///{aside / database.name}").search_experiments()
            for left in ("-journal", "-wal", "-shm"):
                database.with_name(database.name + left).unlink(missing_ok=True)
            os.replace(aside / database.name, database)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def explain(self, error: Exception) -> str:
        """What is wrong, and the mend, without the password of the address."""
        if isinstance(error, InputError):
            return str(error)
        text = re.split(r"\[SQL|\(Background", without_password(str(error)))[0]
        mend = "see that it can be reached and written; the next sync delivers the rest"
        if "not a database" in text or "malformed" in text:
            mend = "move the file away; the next sync makes a new one from the records"
        return f"{without_password(self.uri)}: {' '.join(text.split())[:400]}. Mend: {mend}."


def without_password(text: str) -> str:
    """The text without the user and password of an address in it."""
    return re.sub(r"//[^/@\s]*@", "//", text)

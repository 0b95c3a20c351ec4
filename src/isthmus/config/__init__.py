"""Parameters: schema, files, scales."""

from isthmus.config.loading import load
from isthmus.config.schema import SCALES, Config

__all__ = ["SCALES", "Config", "load"]

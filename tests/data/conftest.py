from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

from isthmus.data import mnist


@pytest.fixture(scope="session", autouse=True)
def packaged_once() -> Iterator[None]:
    """The packaged digits are a text file, which takes a second to read."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mnist, "_packaged", cache(mnist._packaged))
        yield

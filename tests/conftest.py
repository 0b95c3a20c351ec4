"""Property tests take the same examples everywhere and no offence at a busy machine.

Torch has one thread a process: two processes with two each on two cores stall one another.
"""

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch reads it when it is imported

settings.register_profile("isthmus", deadline=None, derandomize=True)
settings.load_profile("isthmus")

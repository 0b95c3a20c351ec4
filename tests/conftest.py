"""Property tests take the same examples everywhere and no offence at a busy machine."""

from hypothesis import settings

settings.register_profile("isthmus", deadline=None, derandomize=True)
settings.load_profile("isthmus")

"""The schema of the audits."""

from __future__ import annotations

from isthmus.config.fields import Section, count, number, step_count, step_size


class Sensitivity(Section):
    """Classifiers trained on domain A of 3DS-A, and what they are met with."""

    seeds: int = number("independent classifiers", "seeds", ge=1, le=100)
    guides: int = count("guides for each test image of A", "guides")
    steps: int = step_count("training length of a classifier")
    batch_size: int = count("images in a step", "images")
    learning_rate: float = step_size("AdamW's step size")

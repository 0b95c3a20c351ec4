"""Optical recognition of handwritten digits (Alpaydin, Kaynak): 1,797 in scikit-learn."""

from __future__ import annotations

import numpy as np
from sklearn.datasets import load_digits

from isthmus.data.digits import Codes, check_size, digit_table, resize, split
from isthmus.data.table import Table
from isthmus.seeding import derive


def load(size: int, *, train_size: int = 1400, seed: int) -> dict[str, Table]:
    """Optical digits as grey images of one size, white on black, factor `digit`.

    A source image is 8 x 8 with values 0 to 16 (ink counted in 4 x 4 blocks), mapped to 0 to 255,
    and the digit fills it. It is resampled as a whole, bilinearly, with no margin.

    Args:
        size: Side of the images in pixels.
        train_size: How many digits to train on, drawn with equal class shares.
        seed: Decides the draw.

    Returns:
        Tables `train` and `test`; the test set is what is left.

    Raises:
        InputError: The size or the training size makes no sense.
    """
    check_size(size)
    packaged = load_digits()
    images = resize(np.rint(packaged.images * (255 / 16)).astype(np.uint8), size)
    digits = packaged.target.astype(np.int64)

    def part(rows: Codes) -> Table:
        return digit_table(
            images[rows],
            digits[rows],
            source="Optical digits, packaged with scikit-learn",
            seed=seed,
            sha256=None,
        )

    train, test = split(digits, train_size, derive(seed, "optdigits", "split"))
    return {"train": part(train), "test": part(test)}

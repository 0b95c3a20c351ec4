"""How targets with unknown classes are cut from whole ones."""

from __future__ import annotations

import numpy as np
import pytest

from isthmus.adaptation.open_set import known_only, open_target
from isthmus.data.table import Table
from isthmus.errors import InputError


def table(labels):
    labels = np.array(labels, np.int64)
    values = np.broadcast_to(labels[:, None, None, None], (len(labels), 8, 8, 1)).astype(np.uint8)
    levels = {"class": tuple("abcd")}
    return Table(
        kind="images", values=values, factors={"class": labels}, levels=levels, source="toy"
    )


@pytest.mark.parametrize(("share", "counts"), [(0.5, (40, 40)), (0.9, (4, 40)), (0.2, (60, 15))])
def test_shares_are_met_and_classes_renamed(share, counts):
    found = open_target(table([0, 1] * 30 + [2, 3] * 20), 2, unknown_share=share, seed=1)
    unknown = found.factors["class"] == 2
    assert ((~unknown).sum(), unknown.sum()) == counts
    assert found.levels["class"] == ("a", "b", "unknown")
    original = found.values[:, 0, 0, 0]
    assert np.array_equal(np.minimum(original, 2), found.factors["class"])
    assert set(original[unknown]) == {2, 3}


def test_the_seed_decides_which_rows_stay():
    whole = table([0, 1] * 30 + [2, 3] * 20)
    one, same, other = (open_target(whole, 2, unknown_share=0.8, seed=s) for s in (1, 1, 2))
    assert np.array_equal(one.values, same.values)
    assert not np.array_equal(one.values, other.values)


def test_the_source_keeps_the_known_classes():
    found = known_only(table([0, 3, 1, 2]), 2)
    assert found.factors["class"].tolist() == [0, 1]
    assert found.levels["class"] == ("a", "b")


def test_a_side_without_images_is_refused():
    with pytest.raises(InputError, match="keeps 0 known"):
        open_target(table([0, 2, 3]), 2, unknown_share=0.9, seed=0)

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.errors import InputError
from isthmus.metrics.pixel_share import change, trend


class TestChange:
    def test_one_quarter_of_the_pixels_from_black_to_white(self) -> None:
        before = np.zeros((3, 3, 4, 4), np.uint8)
        after = before.copy()
        after[:, :, :2, :2] = 255
        assert change(before, after) == pytest.approx((25, 25))

    def test_a_channel_is_enough_and_bytes_do_not_wrap(self) -> None:
        before = np.full((1, 3, 2, 2), 255, np.uint8)
        after = before.copy()
        after[0, 1, 0, 0] = 0
        assert change(before, after) == change(after, before) == pytest.approx((25, 100 / 12))

    @pytest.mark.parametrize(
        "after", [np.zeros((2, 3, 4, 5), np.uint8), np.zeros((2, 3, 4, 4), np.float32)]
    )
    def test_other_images_are_refused(self, after: np.ndarray) -> None:
        with pytest.raises(InputError, match="after"):
            change(np.zeros((2, 3, 4, 4), np.uint8), after)


class TestTrend:
    @given(
        st.lists(st.integers(1, 99), min_size=2, max_size=18, unique=True),
        st.floats(-3, 3).filter(lambda slope: abs(slope) > 0.01),
    )
    def test_a_line_has_its_slope_and_full_rank_correlation(
        self, sizes: list[int], slope: float
    ) -> None:
        found = trend([(size, 10 + slope * size) for size in sizes])
        assert found["slope"] == pytest.approx(slope)
        assert found["rank_correlation"] == pytest.approx(np.sign(slope))

    def test_only_the_order_counts_for_the_rank_correlation(self) -> None:
        assert trend([(1, 1), (2, 8), (3, 90)])["rank_correlation"] == pytest.approx(1)

    def test_what_is_not_defined_is_absent(self) -> None:
        assert trend([(1, 100), (2, 100)]) == {"slope": pytest.approx(0)}
        assert trend([(2, 0), (2, 100)]) == {}

    def test_other_shapes_are_refused(self) -> None:
        with pytest.raises(InputError, match="cells"):
            trend([(1, 2, 3)])

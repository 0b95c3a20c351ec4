from __future__ import annotations

import numpy as np
import pytest

from isthmus.errors import InputError
from isthmus.metrics.correctness import Role
from isthmus.translation.pixel_share import pixel_shares
from isthmus.translation.sets import SETS, SHIFTED, SPLITS, Set


def chance(described: Set) -> float:
    """Of a guess among all levels: one of them, or nearer to the source than to the guide."""
    found = []
    for name, levels in described.levels.items():
        if name in described.positions:
            at = described.positions[name]
            far = np.abs(at[:, np.newaxis] - at).sum(2)
            nearer = far[:, :, np.newaxis] <= far[:, np.newaxis]
            source, guide = np.nonzero(~np.eye(levels, dtype=bool))
            found.append(nearer[:, source, guide].mean())
        else:
            found.append(1 / levels)
    return float(np.mean(found))


def pairs(described: Set, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Factors of random sources and guides of the right domains, half of them from A to B."""
    rng = np.random.default_rng(77)
    domains = []
    for side in (Role.A, Role.B):
        columns = []
        for name, role in described.roles.items():
            if role in (Role.SHARED, side):
                columns.append(rng.integers(described.levels[name], size=count))
            else:
                columns.append(np.full(count, described.fixed[name]))
        domains.append(np.stack(columns, 1))
    a2b = np.repeat([True, False], count)
    return np.concatenate(domains), np.concatenate(domains[::-1]), a2b


@pytest.mark.parametrize("name", SETS)
class TestEverySet:
    def test_what_is_fixed_in_a_domain_is_fixed_there_and_varies_in_the_other(
        self, name: str
    ) -> None:
        described = SETS[name]
        table = described.load(size=16, train_size=300, test_size=50, seed=0)["train"]
        columns = described.columns({n: table.factors[n] for n in described.roles})
        domain = table.factors["domain"]
        for column, role in enumerate(described.roles.values()):
            values = [set(columns[domain == side, column].tolist()) for side in (0, 1)]
            if role is Role.SHARED:
                assert min(map(len, values)) > 1
            else:
                where = 1 if role is Role.A else 0
                assert values[where] == {described.fixed_values[where, column]}
                assert len(values[1 - where]) > 1

    def test_factors_are_read_back_from_images(self, name: str) -> None:
        described = SETS[name]
        table = described.load(size=32, train_size=10, test_size=20, seed=1)["test"]
        images = np.ascontiguousarray(table.values.transpose(0, 3, 1, 2))
        found = described.decode(images)
        for factor in described.roles:
            np.testing.assert_array_equal(found[factor], table.factors[factor])

    def test_any_combination_is_drawn_once_and_read_back(self, name: str) -> None:
        described = SETS[name]
        images, codes = described.draw(30, 32, seed=3)
        assert len(np.unique(described.columns(codes), axis=0)) == len(images) == 30
        found = described.decode(images)
        for factor in described.roles:
            np.testing.assert_array_equal(found[factor], codes[factor])

    def test_no_more_combinations_are_drawn_than_there_are(self, name: str) -> None:
        every = int(np.prod(list(SETS[name].levels.values())))
        with pytest.raises(InputError, match=f"at most {every}"):
            SETS[name].draw(every + 1, 32, seed=0)

    def test_train_and_test_share_no_image(self, name: str) -> None:
        tables = SETS[name].load(size=16, train_size=200, test_size=100, seed=2)
        images = [{image.tobytes() for image in table.values} for table in tables.values()]
        assert not images[0] & images[1]

    def test_as_many_images_as_asked_unless_they_run_short(self, name: str) -> None:
        tables = SETS[name].load(size=16, train_size=200, test_size=100, seed=2)
        for part, count in (("train", 200), ("test", 100)):
            assert np.bincount(tables[part].factors["domain"]).tolist() == [count, count]

    def test_chance_copies_and_the_exact_answer(self, name: str) -> None:
        described = SETS[name]
        source, guide, a2b = pairs(described, 4000)
        found = {
            answer: described.score(source, guide, values, a2b)
            for answer, values in described.answers(source, guide, a2b, seed=0).items()
        }
        assert found["oracle"]["accuracy"] == found["oracle"]["translation_quality"] == 100
        assert (found["copy-source"]["common"], found["copy-source"]["specific"]) == (100, 0)
        assert (found["copy-guide"]["common"], found["copy-guide"]["specific"]) == (0, 100)
        assert found["rand"]["accuracy"] == pytest.approx(100 * chance(described), abs=1)


@pytest.mark.parametrize(("name", "percent"), [("3ds-a", 12), ("synaction", 24)])
def test_chance_is_that_of_the_talks_table(name: str, percent: float) -> None:
    assert round(100 * chance(SETS[name])) == percent


def test_every_factor_is_shared_in_one_split_and_specific_in_two() -> None:
    for factor in SETS["3ds-a"].roles:
        roles = [SETS[name].roles[factor] for name in SPLITS]
        assert roles.count(Role.SHARED) == 1


def test_a_quarter_of_a_small_domain_is_for_testing_and_the_rest_for_training() -> None:
    tables = SETS["synaction"].load(size=16, train_size=3000, test_size=500, seed=0)
    assert np.bincount(tables["test"].factors["domain"]).tolist() == [160, 180]
    assert np.bincount(tables["train"].factors["domain"]).tolist() == [480, 540]


def test_a_pose_is_right_where_it_is_nearer_to_the_source_than_to_the_guide() -> None:
    described = SETS["synaction"]
    at = described.positions["pose"]
    column = list(described.roles).index("pose")
    source, guide, a2b = pairs(described, 500)
    translated = source.copy()
    translated[:, column] = (source[:, column] + 1) % 80
    c, g, t = (at[codes[:, column]] for codes in (source, guide, translated))
    nearer = np.abs(t - c).sum(1) <= np.abs(t - g).sum(1)
    counted = source[:, column] != guide[:, column]
    found = described.score(source, guide, translated, a2b)
    assert found["pose"] == pytest.approx(100 * nearer[counted].mean())
    assert 50 < found["pose"] < 100


class TestShifted:
    LEVEL = SETS[SHIFTED].uneven["object_hue"]

    @pytest.mark.parametrize("sizes", [(400, 100), (3000, 500)])
    def test_a_hue_has_its_share_in_each_domain(self, sizes: tuple[int, int]) -> None:
        tables = SETS[SHIFTED].load(size=16, train_size=sizes[0], test_size=sizes[1], seed=0)
        for table in tables.values():
            has = table.factors["object_hue"] == self.LEVEL
            domain = table.factors["domain"]
            shares = [has[domain == side].mean() for side in (0, 1)]
            assert shares == pytest.approx([0.03, 0.5], abs=0.005)

    def test_where_images_run_short_those_for_training_repeat_and_those_for_testing_do_not(
        self,
    ) -> None:
        tables = SETS[SHIFTED].load(size=16, train_size=3000, test_size=500, seed=0)
        distinct = {}
        for part, table in tables.items():
            rows = SETS[SHIFTED].columns(table.factors)[table.factors["domain"] == 1]
            distinct[part] = (len(np.unique(rows, axis=0)), len(rows))
        assert distinct["test"] == (238, 238)
        assert distinct["train"][0] < distinct["train"][1] == 3000

    def test_what_becomes_of_the_hue(self) -> None:
        described = SETS[SHIFTED]
        column = list(described.roles).index("object_hue")
        source, guide, a2b = pairs(described, 1000)
        translated = source.copy()
        lost = (source[:, column] == self.LEVEL) & a2b
        translated[lost, column] = (self.LEVEL + 1) % 10
        found = described.score(source, guide, translated, a2b)
        before, other = (codes[:, column] == self.LEVEL for codes in (source, guide))
        assert found["uneven_into_b"] == 0
        assert found["uneven_into_a"] == pytest.approx(100 * before[~a2b].mean())
        counted = before & ~other
        assert found["uneven_kept"] == pytest.approx(100 * (counted & ~a2b).sum() / counted.sum())


class TestPixelShares:
    @pytest.mark.parametrize("name", SPLITS)
    def test_walls_and_floor_fill_more_than_the_object(self, name: str) -> None:
        table = SETS[name].load(size=32, train_size=1, test_size=60, seed=0)["test"]
        found = pixel_shares(SETS[name], table, seed=0)
        assert list(found) == list(SETS[name].roles)
        for hue in ("floor_hue", "wall_hue"):
            assert found[hue].share > found["object_hue"].share > 5
            assert found[hue].amount > found["size"].amount > 0

    def test_whatever_hue_a_surface_takes_it_fills_the_same_pixels(self) -> None:
        table = SETS["3ds-a"].load(size=32, train_size=1, test_size=60, seed=0)["test"]
        one, two = (pixel_shares(SETS["3ds-a"], table, seed)["wall_hue"] for seed in (0, 1))
        assert one.share == pytest.approx(two.share, abs=1)
        assert one.amount != two.amount

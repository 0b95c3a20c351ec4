from __future__ import annotations

import numpy as np
import pytest
import torch

from isthmus.metrics.correctness import Role
from isthmus.translation.benchmark import SETS, TRANSLATORS

NETWORKS = {
    "width": 8,
    "blocks": 1,
    "fold": 2,
    "groups": 4,
    "discriminator_width": 8,
    "levels": 2,
}


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

    def test_train_and_test_share_no_image(self, name: str) -> None:
        described = SETS[name]
        tables = described.load(size=16, train_size=200, test_size=100, seed=2)
        rows = [
            {tuple(row) for row in described.columns(table.factors).tolist()}
            for table in tables.values()
        ]
        assert not rows[0] & rows[1]


def test_every_factor_is_shared_in_one_split_and_specific_in_two() -> None:
    for factor in SETS["3ds-a"].roles:
        roles = [SETS[f"3ds-{split}"].roles[factor] for split in "abc"]
        assert roles.count(Role.SHARED) == 1


@pytest.mark.parametrize("name", TRANSLATORS)
def test_every_translator_is_built_from_the_same_sizes(name: str) -> None:
    translator = TRANSLATORS[name](NETWORKS, {}, 0).eval()
    x = torch.zeros(2, 3, 32, 32)
    with torch.no_grad():
        assert translator.translate(x, "a2b", x).shape == x.shape

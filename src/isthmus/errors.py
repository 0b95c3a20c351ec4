"""The one error a user of isthmus sees: what is wrong, where, and how to mend it."""

from __future__ import annotations

from os import PathLike


class InputError(ValueError):
    """Input that cannot be used.

    Attributes:
        where: The file (or key, or argument) that is wrong.
        field: The column, key, row or header field inside it; may be empty.
        problem: What was found, in one clause.
        mend: What the user can do about it, in one clause.
    """

    def __init__(
        self, where: str | PathLike[str], problem: str, *, field: str = "", mend: str
    ) -> None:
        self.where = str(where)
        self.field = field
        self.problem = problem
        self.mend = mend
        place = f"{self.where}: {field}" if field else self.where
        super().__init__(f"{place}: {problem}. Mend: {mend}.")

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.where, self.problem, self.field, self.mend)


def _rebuild(where: str, problem: str, field: str, mend: str) -> InputError:
    return InputError(where, problem, field=field, mend=mend)

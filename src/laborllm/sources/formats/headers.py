"""Which column of a table is meant by a name: the one of just this name, else the one whose name differs from it in no
more than case, blanks, hyphens and underscores.

`WORKER`, `Birth year` and `TITLE` of a Turkish keyboard are worker, birth_year and title. What could be two columns is
refused.
"""

from collections.abc import Iterable, Sequence

from laborllm.errors import SourceError
from laborllm.occupations.own_file import column_name
from laborllm.sources.formats.text import plain


def find_columns(
    where: str, wanted: Iterable[str], there: Sequence[str], optional: Iterable[str] = ()
) -> dict[str, str]:
    """Find columns by their names.

    Args:
        where: What they are columns of, for the error.
        wanted: The names of columns that must be there.
        there: The names that are there.
        optional: The names of columns that are found if they are there.

    Returns:
        Name that is wanted -> name that is there.

    Raises:
        SourceError: One is missing, or could be two.
    """
    found = {}
    for name in wanted:
        column = _find(where, name, there)
        if column is None:
            raise SourceError(f"{where} has no column {name!r}; its columns are {plain(', '.join(there))}")
        found[name] = column
    for name in optional:
        if (column := _find(where, name, there)) is not None:
            found[name] = column
    return found


def _find(where: str, name: str, there: Sequence[str]) -> str | None:
    """The name that is there and means `name`; None if there is none."""
    same = [other for other in there if other == name]
    alike = same or [other for other in there if column_name(other) == column_name(name)]
    if len(set(alike)) > 1:
        listed = " and ".join(repr(plain(other)) for other in alike)
        raise SourceError(f"{where}: {listed} could each be the column {name!r}: rename or remove one")
    if len(alike) > 1:
        raise SourceError(f"{where} has {len(alike)} columns named {alike[0]!r}: rename or remove one")
    return alike[0] if alike else None

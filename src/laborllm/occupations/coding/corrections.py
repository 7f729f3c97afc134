"""A user's own file of titles and their codes."""

from pathlib import Path

from laborllm.errors import TaxonomyError
from laborllm.occupations.own_file import column_name, read_own, table_rows


def read_corrections(path: Path) -> dict[str, str]:
    """The codes that a CSV file with the columns title and code gives to titles.

    Args:
        path: the file, UTF-8. Other columns are left aside.

    Returns:
        title -> code, as written.

    Raises:
        TaxonomyError: the file is not there, lacks a column or a cell, or gives a title two codes.
    """
    rows = table_rows(read_own(path, "corrections"), f"corrections {path.name}")
    columns = [column_name(name) for name in next(rows, ("", []))[1]]
    if columns.count("title") != 1 or columns.count("code") != 1:
        raise TaxonomyError(f"corrections {path.name}: the first line must name the columns title and code")
    found: dict[str, str] = {}
    for place, cells in rows:
        row = dict(zip(columns, cells, strict=False))
        title, code = row.get("title"), row.get("code")
        if not title or not code:
            raise TaxonomyError(f"{place}: expected a title and a code")
        if found.setdefault(title, code) != code:
            raise TaxonomyError(f"{place}: {title!r} has two codes")
    return found

"""A user's own file of titles and their codes."""

import csv
from pathlib import Path

from laborllm.errors import TaxonomyError
from laborllm.occupations.own_file import column_name, read_own


def read_corrections(path: Path) -> dict[str, str]:
    """The codes that a CSV file with the columns title and code gives to titles.

    Args:
        path: the file, UTF-8. Other columns are left aside.

    Returns:
        title -> code, as written.

    Raises:
        TaxonomyError: the file is not there, lacks a column or a cell, or gives a title two codes.
    """
    rows = csv.DictReader(read_own(path, "corrections").splitlines())
    rows.fieldnames = [column_name(name) for name in rows.fieldnames or ()]
    if not {"title", "code"} <= set(rows.fieldnames):
        raise TaxonomyError(f"corrections {path.name}: the first line must name the columns title and code")
    found: dict[str, str] = {}
    for row in rows:
        title, code = (row["title"] or "").strip(), (row["code"] or "").strip()
        if not title or not code:
            raise TaxonomyError(f"corrections {path.name}, line {rows.line_num}: expected a title and a code")
        if found.setdefault(title, code) != code:
            raise TaxonomyError(f"corrections {path.name}, line {rows.line_num}: {title!r} has two codes")
    return found

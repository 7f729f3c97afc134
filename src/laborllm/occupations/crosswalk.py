"""From one occupation coding to another, one target per source code."""

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TypedDict

from laborllm.errors import TaxonomyError
from laborllm.occupations.own_file import column_name, read_own, table_rows

DATA = files("laborllm.occupations") / "data"


class About(TypedDict):
    """A shipped crosswalk as `crosswalks.json` describes it. `version` goes up when a pair changes."""

    target: str
    file: str
    source: str
    vintage: str
    version: str
    tables: str
    citation: str
    rows: int
    note: str


@dataclass(frozen=True)
class Crosswalk:
    """A many-to-one map of codes. Codes are compared without leading zeros, as surveys write 0010 and 10 alike."""

    name: str
    target: str
    pairs: dict[str, str]
    source: str

    def __call__(self, code: str) -> str | None:
        """The target code, or None where the table has none."""
        return self.pairs.get(normal_code(code))


def load_crosswalk(name_or_path: str | Path) -> Crosswalk:
    """Load a crosswalk that comes with laborllm, or one's own.

    Args:
        name_or_path: A name, such as `census1980`, or a CSV file whose header is code,TARGET.

    Returns:
        The crosswalk.

    Raises:
        TaxonomyError: An unknown name, or a file that is no crosswalk.
    """
    path = Path(name_or_path)
    if path.suffix == ".csv":
        return _parse(path.stem, read_own(path, "crosswalk"), source=path.name)
    shipped = shipped_crosswalks()
    if str(name_or_path) not in shipped:
        raise TaxonomyError(f"unknown crosswalk {str(name_or_path)!r}: use {', '.join(shipped)}, or a .csv file")
    about = shipped[str(name_or_path)]
    text = (DATA / about["file"]).read_text("utf-8")
    return _parse(str(name_or_path), text, source=about["source"])


def shipped_crosswalks() -> dict[str, About]:
    """What is known of each shipped crosswalk, by name."""
    return dict(json.loads((DATA / "crosswalks.json").read_text("utf-8")))


def normal_code(code: str) -> str:
    """A code as tables write it: no spaces around, no leading zeros."""
    return code.strip().lstrip("0") or "0"


def _parse(name: str, text: str, source: str) -> Crosswalk:
    rows = table_rows(text, f"crosswalk {name}")
    _, header = next(rows, ("", []))
    if len(header) != 2 or column_name(header[0]) != "code":
        raise TaxonomyError(f"crosswalk {name}: the first line must be 'code,TARGET', not {','.join(header)!r}")
    pairs: dict[str, str] = {}
    for place, row in rows:
        if len(row) != 2:
            raise TaxonomyError(f"{place}: expected two columns, found {len(row)}")
        if pairs.setdefault(normal_code(row[0]), row[1]) != row[1]:
            raise TaxonomyError(f"{place}: code {row[0]} has two targets")
    return Crosswalk(name, header[1], pairs, source)

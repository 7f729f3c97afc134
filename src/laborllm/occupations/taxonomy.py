"""The ordered list of everything a worker can be in a year: occupations, and states without a job."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from laborllm.errors import TaxonomyError
from laborllm.occupations.own_file import column_name, read_own, table_rows

STATES = {
    "unemployed": "Unemployed",
    "not_in_labor_force": "Not in labor force",
    "in_education": "In education",
    "not_working": "Not working",
}
"""Code and title of the non-employment states; `not_working` is for sources that cannot tell the first two apart."""

COARSER = {"unemployed": "not_working", "not_in_labor_force": "not_working"}
"""State to the coarser one that it is part of."""

STATE_GROUP = "Not employed"
FORMULA = ("=", "+", "-", "@")  # how a cell begins that a spreadsheet runs
LONGEST = 500  # letters of a code, a title, a group or the name of a taxonomy
OTHERS = "All others"
"""What stands for all that a table or a figure does not name."""


@dataclass(frozen=True)
class Taxonomy:
    """J occupations, each a code with a title and a reporting group; a forecast has a column for each, in this order.

    Attributes:
        name: What it is called.
        codes: Codes, (J,).
        titles: Titles, (J,).
        groups: Groups, (J,).

    Raises:
        TaxonomyError: Codes or titles repeat; titles are compared without case, spacing and punctuation. A text of more
            than 500 letters, or one that is no plain line.

    Examples:
        >>> import laborllm as ll
        >>> len(ll.load_taxonomy("occ1990dd"))
        331
    """

    name: str
    codes: tuple[str, ...]
    titles: tuple[str, ...]
    groups: tuple[str, ...]

    def __post_init__(self) -> None:
        if not self.codes:
            raise TaxonomyError(f"taxonomy {self.name} has no occupations")
        _require_short(self.name, (self.name, *self.codes, *self.titles, *self.groups))
        _require_distinct(self.name, "code", self.codes, self.codes)
        _require_distinct(self.name, "title", self.titles, [_plain(title) for title in self.titles])
        for code, title in zip(self.codes, self.titles, strict=True):
            if title != title.strip() or not title.isprintable() or not _plain(title) or title.startswith(FORMULA):
                raise TaxonomyError(f"taxonomy {self.name}: the title of code {code!r}, {title!r}, is not a plain line")
        for text in (self.name, *self.codes, *dict.fromkeys(self.groups)):
            if not text.isprintable():
                raise TaxonomyError(f"taxonomy {self.name!r}: {text!r} is not a plain line")

    def __len__(self) -> int:
        return len(self.codes)

    @cached_property
    def position(self) -> dict[str, int]:
        """Code to column."""
        return {code: column for column, code in enumerate(self.codes)}

    def columns(self, codes: Iterable[str | None]) -> NDArray[np.intp]:
        """The columns of codes.

        Args:
            codes: n codes; None where there is no occupation.

        Returns:
            (n,); J for None.

        Examples:
            >>> import laborllm as ll
            >>> ll.load_taxonomy("nlswork").columns(["2", None]).tolist()
            [1, 13]
        """
        return np.array([len(self) if code is None else self.position[code] for code in codes], dtype=np.intp)

    @cached_property
    def states(self) -> tuple[str, ...]:
        """The codes that are states, in order."""
        return tuple(code for code in self.codes if code in STATES)

    @cached_property
    def without_states(self) -> Self:
        """The taxonomy without its states: only its jobs."""
        occupations = zip(self.codes, self.titles, self.groups, strict=True)
        return self.from_occupations(self.name, [job for job in occupations if job[0] not in STATES])

    def title(self, code: str) -> str:
        """The title of an occupation or a state.

        Args:
            code: Its code.

        Returns:
            The title.

        Raises:
            KeyError: The taxonomy has no such code.

        Examples:
            >>> import laborllm as ll
            >>> ll.load_taxonomy("nlswork").title("2")
            'Managers'
        """
        return self.titles[self.position[code]]

    def with_states(self, states: Sequence[str]) -> Self:
        """The taxonomy's occupations followed by states.

        Args:
            states: States without a job, a choice from `STATES`.

        Returns:
            The larger taxonomy, of the same name.

        Raises:
            TaxonomyError: An unknown state, or one that the taxonomy has already.

        Examples:
            >>> import laborllm as ll
            >>> ll.load_taxonomy("nlswork").with_states(["unemployed"]).states
            ('unemployed',)
        """
        unknown = [state for state in states if state not in STATES]
        if unknown:
            raise TaxonomyError(f"unknown state {unknown[0]!r}: use {', '.join(STATES)}")
        return type(self)(
            self.name,
            self.codes + tuple(states),
            self.titles + tuple(STATES[state] for state in states),
            self.groups + (STATE_GROUP,) * len(states),
        )

    def to_json(self) -> str:
        """Name, codes, titles and groups as JSON.

        Returns:
            The text, which `from_json` reads.

        Examples:
            >>> import laborllm as ll
            >>> json.loads(ll.load_taxonomy("nlswork").to_json())["name"]
            'nlswork'
        """
        occupations = list(zip(self.codes, self.titles, self.groups, strict=True))
        return json.dumps({"name": self.name, "entries": occupations})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """A taxonomy from what `to_json` wrote.

        Args:
            text: JSON.

        Returns:
            The taxonomy.

        Examples:
            >>> import laborllm as ll
            >>> taxonomy = ll.load_taxonomy("nlswork")
            >>> ll.Taxonomy.from_json(taxonomy.to_json()) == taxonomy
            True
        """
        stored = json.loads(text)
        return cls.from_occupations(stored["name"], stored["entries"])

    @classmethod
    def from_occupations(cls, name: str, occupations: Iterable[Sequence[str]]) -> Self:
        """Build a taxonomy from rows.

        Args:
            name: What it is called.
            occupations: (code, title, group) of each.

        Returns:
            The taxonomy, in the order of the rows.

        Raises:
            TaxonomyError: Codes or titles that repeat.

        Examples:
            >>> import laborllm as ll
            >>> ll.Taxonomy.from_occupations("two", [("1", "Cooks", "Kitchen"), ("2", "Waiters", "Service")]).codes
            ('1', '2')
        """
        columns = list(zip(*occupations, strict=True)) or [(), (), ()]
        return cls(name, *(tuple(column) for column in columns))


def load_taxonomy(name_or_path: str | Path) -> Taxonomy:
    """Load a taxonomy that comes with laborllm, or one's own.

    Args:
        name_or_path: A name, such as `occ1990dd`, or a CSV file with columns code, title and group.

    Returns:
        The taxonomy, without states.

    Raises:
        TaxonomyError: An unknown name, or a file that is no taxonomy.

    Examples:
        >>> import laborllm as ll
        >>> ll.load_taxonomy("nlswork").titles[0]
        'Professional workers'
    """
    path = Path(name_or_path)
    if path.suffix == ".csv":
        return Taxonomy.from_occupations(path.stem, _read_occupations(read_own(path, "taxonomy"), str(path)))
    known = _shipped()
    if str(name_or_path) not in known:
        raise TaxonomyError(f"unknown taxonomy {str(name_or_path)!r}: use {', '.join(known)}, or a .csv file")
    text = (files("laborllm.occupations") / "data" / f"{name_or_path}.csv").read_text("utf-8")
    return Taxonomy.from_occupations(str(name_or_path), _read_occupations(text, str(name_or_path)))


def _shipped() -> list[str]:
    return list(json.loads((files("laborllm.occupations") / "data" / "taxonomies.json").read_text("utf-8")))


def _read_occupations(text: str, where: str) -> list[tuple[str, str, str]]:
    rows = table_rows(text, where)
    columns = [column_name(name) for name in next(rows, ("", []))[1]]
    if columns.count("code") != 1 or columns.count("title") != 1 or columns.count("group") > 1:
        raise TaxonomyError(f"{where}: the first line must name the columns code, title and (optionally) group")
    return [_read_occupation(columns, cells, place) for place, cells in rows]


def _read_occupation(columns: list[str], cells: list[str], place: str) -> tuple[str, str, str]:
    row = dict(zip(columns, cells, strict=False))
    if any(cells[len(columns) :]) or not row.get("code") or not row.get("title"):
        raise TaxonomyError(f"{place}: expected a code, a title and as many columns as the first line has")
    return row["code"], row["title"], row.get("group") or "All"


def _plain(title: str) -> str:
    letters = (character if character.isalnum() else " " for character in title.casefold())
    return " ".join("".join(letters).split())


def _require_short(name: str, texts: Iterable[str]) -> None:
    for text in texts:
        if len(text) > LONGEST:
            raise TaxonomyError(
                f"taxonomy {name[:LONGEST]} has a text of {len(text):,} letters, {text[:20]!r} and so on: give codes, "
                f"titles and groups at most {LONGEST}"
            )


def _require_distinct(name: str, what: str, shown: Sequence[str], compared: Sequence[str]) -> None:
    first: dict[str, str] = {}
    for text, key in zip(shown, compared, strict=True):
        if key in first:
            raise TaxonomyError(
                f"taxonomy {name}: two occupations share the {what} {text!r} (the other is {first[key]!r})"
            )
        first[key] = text

"""Data and documents of an extract together: a table of numbers whose columns are known by question and round."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.sources.formats.delimited import split_cells
from laborllm.sources.formats.raw import UNREADABLE, first_line
from laborllm.sources.formats.values import cut
from laborllm.sources.nls.investigator.files import OpenedFile, count_not_read, open_files, split_question
from laborllm.sources.nls.investigator.frequencies import compare
from laborllm.sources.nls.investigator.variables import REFERENCE, Variable, parse_variables
from laborllm.storage import file_hash

KEY = "R0000100"
"""The column that numbers the people, CASEID or PUBID, in every cohort of youth."""

MISSING = {-1: "refusal", -2: "don't know", -3: "invalid skip", -4: "valid skip", -5: "non-interview"}

ROUND = re.compile(r"\d{4}")
WHOLE = r"^-?\d{1,15}$"
DECIMAL = r"^-?\d{1,15}(\.\d{1,15})?$"


@dataclass(frozen=True)
class Extract:
    """Data and documents of an extract together.

    Attributes:
        values: One row per person, sorted by `KEY`; a column per reference number, of whole numbers (decimals where the
            file has them) with the codes of `MISSING` left in. Null: this person is only in another of the files.
        variables: What the columns are, by reference number, in their order.
        files: Name -> SHA-256.
        notes: How many files of an archive are not read, and where the codebook and the data differ by a few people.
    """

    values: pl.DataFrame
    variables: Mapping[str, Variable]
    files: Mapping[str, str]
    notes: Mapping[str, str] = field(default_factory=dict)

    def reference(self, question: str, round: str) -> str | None:
        """The reference number of a question in a survey round.

        Args:
            question: Name of the question.
            round: The survey round, "1979" or "XRND".

        Returns:
            The column of `values`; None if the question is not in the extract.

        Raises:
            SourceError: Two columns answer to it.
        """
        found = self._by_question.get((question, round), [])
        if len(found) > 1:
            raise SourceError(f"{question} of round {round} stands under {' and '.join(found)}: leave one out")
        return found[0] if found else None

    def rounds(self, question: str) -> list[str]:
        """The survey rounds of a question that are in the extract, in order."""
        return sorted({variable.round for variable in self.variables.values() if variable.question == question})

    def count_missing(self, reference: str) -> dict[str, int]:
        """People with each missing code, by its name."""
        return {name: int((self.values[reference] == code).sum()) for code, name in MISSING.items()}

    @cached_property
    def _by_question(self) -> dict[tuple[str, str], list[str]]:
        found: dict[tuple[str, str], list[str]] = {}
        for variable in self.variables.values():
            found.setdefault((variable.question, variable.round), []).append(variable.reference)
        return found


def answers(reference: str) -> pl.Expr:
    """A column of `Extract.values`, of whole numbers or decimals, with null for its missing codes."""
    is_missing = pl.col(reference).cast(pl.Float64).is_in([float(code) for code in MISSING])
    return pl.when(~is_missing).then(reference)


def read_extract(files: Sequence[Path], known: Mapping[str, Variable] | None = None) -> Extract:
    """Read data (.csv, .csv.gz) and documents (.cdb or .txt, .sdf, .dct, tagset), or the .zip that holds them.

    Several data files are joined on `KEY`. `QUESTION=FILE` is a table of one question whose columns are `KEY` and the
    survey rounds. `known` tells what columns are that no document describes.

    Raises `SourceError`, which names file and place, for a file that is not what its name says, a row that ends early,
    a cell that is no number, a person or column that is there twice, files that contradict each other, a column that
    the documents do not know, and a codebook whose frequencies are not those of the data.
    """
    opened = list(open_files(files))
    data = [file for file in opened if file.is_data]
    if not data:
        raise SourceError("there is no data among the files: give the .csv of the extract too")
    documents = [file for file in opened if not file.is_data]
    described = _described(documents)
    tables = [_read_table(file) for file in data]
    values = reduce(_join, tables).sort(KEY)
    named = _named_by_round(data, tables)
    variables = _variables(values.columns, described, {**(known or {}), **named}, strict=bool(documents))
    hashes = {path.name: file_hash(path) for path in (split_question(given)[1] for given in files)}
    return Extract(values, variables, hashes, count_not_read(files) | compare(values, variables))


def _described(documents: Iterable[OpenedFile]) -> dict[str, Variable]:
    """The variables of all documents; of two that describe one variable, what the first leaves out the other adds."""
    described: dict[str, Variable] = {}
    for file in documents:
        for reference, variable in parse_variables(file.name, file.text).items():
            described[reference] = _merge(described.get(reference, variable), variable, file.name)
    return described


def _merge(first: Variable, second: Variable, name: str) -> Variable:
    for what in ("question", "round"):
        if getattr(first, what) and getattr(second, what) and getattr(first, what) != getattr(second, what):
            raise SourceError(
                f"{name}: {first.reference} is {second.question} of {second.round} here, but {first.question} of "
                f"{first.round} in another document: they are of two cohorts or releases"
            )
    return max(first, second, key=lambda variable: (variable.people is not None, bool(variable.question)))


def _read_table(file: OpenedFile) -> pl.DataFrame:
    try:
        names, cells = split_cells(file.name, file.text)
    except UNREADABLE as error:
        raise SourceError(f"{file.name} is not a readable .csv file: {first_line(error)}") from error
    columns = [_column(file, name) for name in names]
    if twice := [column for column, times in Counter(columns).items() if times > 1]:
        raise SourceError(f"{file.name} has the column {twice[0]} twice")
    if KEY not in columns:
        raise SourceError(f"{file.name} has no column {KEY}, the number of the person: it is no NLSY extract")
    if cells.is_empty():
        raise SourceError(f"{file.name} has a line of names and nothing below it")
    _require_full_rows(file.name, cells)
    table = _numbers(file.name, cells.rename(dict(zip(cells.columns, columns, strict=True))))
    _require_people(file.name, table[KEY])
    return table


def _column(file: OpenedFile, name: str) -> str:
    """A reference number, or question and round where the file is of one question."""
    if REFERENCE.fullmatch(name):
        return name
    if file.question and ROUND.fullmatch(name):
        return f"{file.question}_{name}"
    right = "survey round such as 1982" if file.question else "NLS reference number such as R0214800"
    raise SourceError(f"{file.name}: the column {name[:40]!r} is no {right}")


def _require_full_rows(name: str, cells: pl.DataFrame) -> None:
    blank = cells.select(pl.any_horizontal(pl.all().is_null() | (pl.all().str.strip_chars() == ""))).to_series()
    if blank.any():
        line = int(blank.arg_true()[0]) + 2
        raise SourceError(f"{name}, line {line}: the row ends early or has an empty cell; an extract has none")


def _numbers(name: str, cells: pl.DataFrame) -> pl.DataFrame:
    """Columns of whole numbers (Int64) where all cells are, of decimals (Float64) where some are."""
    text = cells.select(pl.all().str.strip_chars().str.replace(r"\.0+$", ""))
    whole = text.select(pl.all().str.contains(WHOLE).all()).row(0, named=True)
    for column in text.columns:
        if not whole[column]:
            _require_decimals(name, text[column])
    return text.select(pl.col(column).cast(pl.Int64 if whole[column] else pl.Float64) for column in text.columns)


def _require_decimals(name: str, cells: pl.Series) -> None:
    bad = ~cells.str.contains(DECIMAL)
    if bad.any():
        line = int(bad.arg_true()[0])
        raise SourceError(
            f"{name}, line {line + 2}, column {cells.name}: the cell is no number as the Investigator writes it; if a "
            "spreadsheet program saved the file, download it again",
            cells=repr(cut(cells[line])),
        )


def _require_people(name: str, people: pl.Series) -> None:
    bad = (people < 1) | people.is_duplicated() if people.dtype == pl.Int64 else pl.Series([True])
    if bad.any():
        line = int(bad.arg_true()[0]) + 2
        raise SourceError(f"{name}, line {line}: {KEY} must be a number from 1, and each person in one row")


def _join(first: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """All people of both tables. Raises `SourceError` if a column that both have contradicts itself."""
    again = {column: f"{column} again" for column in second.columns if column in first.columns and column != KEY}
    joined = first.join(second.rename(again), on=KEY, how="full", coalesce=True)
    for column, other in again.items():
        people = int((joined[column] != joined[other]).sum())
        if people:
            raise SourceError(f"two files contradict each other in column {column} (people: {people})")
    return joined.with_columns(pl.coalesce(column, other) for column, other in again.items()).drop(again.values())


def _named_by_round(data: Iterable[OpenedFile], tables: Iterable[pl.DataFrame]) -> dict[str, Variable]:
    """The columns of the tables of one question."""
    named = {}
    for file, table in zip(data, tables, strict=True):
        for column in table.columns:
            if file.question and not REFERENCE.fullmatch(column):
                named[column] = Variable(column, file.question, column.rpartition("_")[2])
    return named


def _variables(
    columns: Sequence[str], described: Mapping[str, Variable], known: Mapping[str, Variable], *, strict: bool
) -> dict[str, Variable]:
    """What each column is. Of a document without questions, `known` adds them."""
    unknown = [column for column in columns if column not in described and column not in known]
    if strict and unknown:
        raise SourceError(
            f"the documents do not fit the data: none describes {', '.join(unknown[:5])}"
            f"{f' and {len(unknown) - 5} more columns' if len(unknown) > 5 else ''}"
        )
    if strict and not any(column in described for column in columns if column != KEY):
        raise SourceError("the documents do not fit the data: they describe none of its columns")
    found = {}
    for column in columns:
        variable = described.get(column)
        found[column] = variable if variable and variable.question else known.get(column, variable or Variable(column))
    return found

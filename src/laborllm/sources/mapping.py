"""The mapping file: what the columns of one's own table mean, in a few lines of YAML.

Every scalar is read as the text that stands in the file, so `0010`, `no` and `1` mean what they look like.
"""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from laborllm.errors import SourceError
from laborllm.occupations import STATES
from laborllm.panel.schema import COVARIATES, SCHEMA
from laborllm.sources.formats.values import NO_KEY, NOT_AVAILABLE, NumberFormat
from laborllm.sources.row_of_year import RULES, RowOfYear
from laborllm.sources.section import Section, require_one_of

EMPLOYED = "employed"
WEIGHT_KINDS = ("sampling",)
REQUIRED = ("dataset", "taxonomy", "worker", "year", "occupation")
OPTIONAL = (
    *("states", "status", "leave_out", "covariates", "weight", "columns", "missing", "open", "row_of_year"),
    *("decimal", "thousands", "encoding"),
)


@dataclass(frozen=True)
class KeyColumn:
    """The column that names the worker or the year, and its cells that name none."""

    column: str
    missing: frozenset[str]


@dataclass(frozen=True)
class OccupationColumn:
    """The column of occupation codes, the crosswalk that leads them to the taxonomy (None: they are the taxonomy's),
    and the codes that name no occupation."""

    column: str
    crosswalk: str | None = None
    missing: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RecodedColumn:
    """A column and what its values become; None stands for missing. `values` None: keep the labels or texts."""

    column: str
    values: dict[str, str | None] | None = None


@dataclass(frozen=True)
class LeftOut:
    """Rows to leave out: those whose `column` holds one of `values`. `reason` is what they are counted under."""

    reason: str
    column: str
    values: frozenset[str]


@dataclass(frozen=True)
class TableMapping:
    """A parsed and checked mapping file. All codes are as `normal_code` writes them.

    Attributes:
        dataset: The label of the panel.
        taxonomy: Name or file of the taxonomy that the occupations become codes of.
        worker: The column of workers.
        year: The column of years.
        occupation: The column of occupations.
        states: States without a job that the taxonomy is to have.
        status: The column that says what a worker does: employed, or one of the states.
        leave_out: Rows to leave out.
        covariates: The columns of the panel's covariates, by covariate.
        weight: The column of weights.
        weight_kind: What the weights are: "none", "sampling" and so on, as `Panel` takes it.
        own: The user's own columns that the panel keeps, by the name they have there.
        missing: Codes that mean missing in every column, with those that programs write.
        open: Whether rows without an occupation after the last one of a worker are open records, not left out.
        row_of_year: Which row counts of those that a worker has for one year; None: there may be one only.
        numbers: How the file writes numbers.
        encoding: The encoding of the file; None: found by the reader.
    """

    dataset: str
    taxonomy: str
    worker: KeyColumn
    year: KeyColumn
    occupation: OccupationColumn
    states: tuple[str, ...] = ()
    status: RecodedColumn | None = None
    leave_out: tuple[LeftOut, ...] = ()
    covariates: dict[str, RecodedColumn] = field(default_factory=dict)
    weight: str | None = None
    weight_kind: str = "none"
    own: dict[str, RecodedColumn] = field(default_factory=dict)
    missing: frozenset[str] = NOT_AVAILABLE
    open: bool = False
    row_of_year: RowOfYear | None = None
    numbers: NumberFormat = field(default_factory=NumberFormat)
    encoding: str | None = None

    @property
    def columns(self) -> list[str]:
        """Every column of the table that the mapping names, once, in the order of the file."""
        optional = [self.status.column if self.status else None, self.weight]
        optional.append(self.row_of_year.order if self.row_of_year else None)
        named = [self.worker.column, self.year.column, self.occupation.column]
        named += [rule.column for rule in self.leave_out]
        named += [name for name in optional if name is not None]
        named += [column.column for column in (self.covariates | self.own).values()]
        return list(dict.fromkeys(named))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a mapping file. Raises `SourceError` that names the setting at fault and what would be right."""
        return cls._parse(Section.load(path))

    @classmethod
    def _parse(cls, top: Section) -> Self:
        top.require_keys(required=REQUIRED, optional=OPTIONAL)
        states = tuple(require_one_of(top, "state", state, STATES) for state in top.texts("states"))
        weight, weight_kind = _weight(top)
        missing = NOT_AVAILABLE | top.codes("missing")
        return cls(
            dataset=top.text("dataset"),
            taxonomy=top.text("taxonomy"),
            worker=_key(top, "worker", NO_KEY | {code for code in missing if not code.isdecimal()}),
            year=_key(top, "year", NO_KEY | missing),
            occupation=_occupation(top),
            states=states,
            status=_status(top, states),
            leave_out=_leave_out(top),
            covariates=_covariates(top),
            weight=weight,
            weight_kind=weight_kind,
            own=_own_columns(top),
            missing=missing,
            open=require_one_of(top, "answer to open", top.text("open", "false"), ("true", "false")) == "true",
            row_of_year=_row_of_year(top),
            numbers=_numbers(top),
            encoding=top.text("encoding") if "encoding" in top else None,
        )


def _key(top: Section, key: str, missing: frozenset[str]) -> KeyColumn:
    """The column of worker or year. `missing`: what means missing there; for a worker no plain number, which may be
    a person's unless the column's own list has it."""
    if not isinstance(top.content[key], dict):
        return KeyColumn(top.text(key), missing)
    section = top.section(key, required=("column",), optional=("missing",))
    return KeyColumn(section.text("column"), missing | frozenset(section.texts("missing")))


def _occupation(top: Section) -> OccupationColumn:
    section = top.section("occupation", required=("column",), optional=("crosswalk", "missing"))
    crosswalk = section.text("crosswalk", "none")
    missing = section.codes("missing")
    return OccupationColumn(section.text("column"), None if crosswalk == "none" else crosswalk, missing)


def _status(top: Section, states: tuple[str, ...]) -> RecodedColumn | None:
    if "status" not in top:
        return None
    section = top.section("status", required=("column", "values"))
    values = section.recoding("values") or {}
    for code, meaning in values.items():
        require_one_of(section, f"value {code}", meaning or "null", (EMPLOYED, *states))
    return RecodedColumn(section.text("column"), values)


def _leave_out(top: Section) -> tuple[LeftOut, ...]:
    if "leave_out" not in top:
        return ()
    reasons = Section(f"{top.where}: leave_out", top.content["leave_out"])
    rules = []
    for reason in reasons.content:
        section = reasons.section(reason, required=("column", "values"))
        rules.append(LeftOut(reason, section.text("column"), section.codes("values")))
    return tuple(rules)


def _covariates(top: Section) -> dict[str, RecodedColumn]:
    if "covariates" not in top:
        return {}
    covariates = top.section("covariates", required=(), optional=COVARIATES)
    return {name: _recoded(covariates, name) for name in covariates.content}


def _own_columns(top: Section) -> dict[str, RecodedColumn]:
    """The user's own columns, by the names they get: `columns: {household: hhid}`, or a list of names that stay."""
    listed = top.content.get("columns", {})
    if isinstance(listed, list):
        listed = {name: name for name in top.texts("columns")}
    columns = Section(f"{top.where}: columns", listed)
    for name in columns.content:
        if name in SCHEMA or not re.fullmatch(r"[^\W\d]\w*", name):
            raise SourceError(
                f"{columns.where}: {name!r} cannot be a column of one's own: use letters, figures and _, and none of "
                f"{', '.join(SCHEMA)}"
            )
    return {name: _recoded(columns, name) for name in columns.content}


def _recoded(columns: Section, name: str) -> RecodedColumn:
    section = columns.section(name, required=("column",), optional=("values",))
    return RecodedColumn(section.text("column"), section.recoding("values"))


def _weight(top: Section) -> tuple[str | None, str]:
    if "weight" not in top:
        return None, "none"
    section = top.section("weight", required=("column",), optional=("kind",))
    return section.text("column"), section.one_of("kind", WEIGHT_KINDS, WEIGHT_KINDS[0])


def _row_of_year(top: Section) -> RowOfYear | None:
    """Which row of a year counts: `row_of_year: {rule: last, order: month}`."""
    if "row_of_year" not in top:
        return None
    section = top.section("row_of_year", required=("rule", "order"))
    return RowOfYear(section.one_of("rule", RULES), section.text("order"))


def _numbers(top: Section) -> NumberFormat:
    decimal = top.one_of("decimal", (".", ","), ".")
    thousands = top.one_of("thousands", (".", ",", " ", "'")) if "thousands" in top else None
    if thousands == decimal:
        raise SourceError(f"{top.where}: decimal and thousands are both {decimal!r}")
    return NumberFormat(decimal, thousands)

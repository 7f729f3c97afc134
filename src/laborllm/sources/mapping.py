"""The mapping file: what the columns of one's own table mean, in a few lines of YAML.

Every scalar is read as the text that stands in the file, so `0010`, `no` and `1` mean what they look like.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import yaml

from laborllm.errors import SourceError
from laborllm.occupations import STATES
from laborllm.occupations.crosswalk import normal_code
from laborllm.panel.schema import COVARIATES

EMPLOYED = "employed"
WEIGHT_KINDS = ("sampling",)
NOTHING = ("", "~", "null")  # how YAML writes no value


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

    missing: codes that mean missing in every column but worker and year.
    open: whether rows without an occupation after the last one of a worker are open records, in place of left out.
    """

    dataset: str
    taxonomy: str
    worker: str
    year: str
    occupation: OccupationColumn
    states: tuple[str, ...] = ()
    status: RecodedColumn | None = None
    leave_out: tuple[LeftOut, ...] = ()
    covariates: dict[str, RecodedColumn] = field(default_factory=dict)
    weight: str | None = None
    weight_kind: str = "none"
    missing: frozenset[str] = frozenset()
    open: bool = False

    @property
    def columns(self) -> list[str]:
        """Every column of the table that the mapping names, once, in the order of the file."""
        optional = [self.status.column if self.status else None, self.weight]
        named = [self.worker, self.year, self.occupation.column, *(rule.column for rule in self.leave_out)]
        named += [name for name in optional if name is not None]
        named += [covariate.column for covariate in self.covariates.values()]
        return list(dict.fromkeys(named))

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a mapping file. Raises `SourceError` that names the entry at fault and what would be right."""
        if not path.is_file():
            raise SourceError(f"no mapping file at {path}")
        try:
            content = yaml.load(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # every scalar stays text
        except (yaml.YAMLError, UnicodeDecodeError, OSError) as error:
            raise SourceError(f"{path.name} is not readable YAML: {' '.join(str(error).split())}") from error
        return cls._parse(_Section(path.name, content))

    @classmethod
    def _parse(cls, top: "_Section") -> Self:
        top.require_keys(
            required=("dataset", "taxonomy", "worker", "year", "occupation"),
            optional=("states", "status", "leave_out", "covariates", "weight", "missing", "open"),
        )
        states = tuple(_one_of(top, "state", state, STATES) for state in top.texts("states"))
        weight, weight_kind = _weight(top)
        return cls(
            dataset=top.text("dataset"),
            taxonomy=top.text("taxonomy"),
            worker=top.text("worker"),
            year=top.text("year"),
            occupation=_occupation(top),
            states=states,
            status=_status(top, states),
            leave_out=_leave_out(top),
            covariates=_covariates(top),
            weight=weight,
            weight_kind=weight_kind,
            missing=_codes(top.texts("missing")),
            open=_one_of(top, "answer to open", top.text("open", "false"), ("true", "false")) == "true",
        )


class _Section:
    """One level of the file, which knows where it stands so that its errors can say so."""

    def __init__(self, where: str, content: object) -> None:
        if not isinstance(content, dict):
            raise SourceError(f"{where}: expected lines of 'name: value', found {_shown(content)}")
        self.where = where
        self.content: dict[str, object] = content

    def require_keys(self, required: Iterable[str], optional: Iterable[str]) -> None:
        required, known = list(required), [*required, *optional]
        for key in self.content:
            if key not in known:
                raise SourceError(f"{self.where}: unknown entry {key!r}; use {', '.join(known)}")
        for key in required:
            if key not in self.content:
                raise SourceError(f"{self.where}: the entry {key!r} is missing")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.content.get(key, default)
        if not isinstance(value, str) or value in NOTHING:
            raise SourceError(f"{self.where}: {key} must be a text, not {_shown(value)}")
        return value

    def texts(self, key: str) -> list[str]:
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
            raise SourceError(f"{self.where}: {key} must be a list such as [1, 2], not {_shown(value)}")
        return value

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def section(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> "_Section":
        """The entries under `key`. A bare text stands for the column alone: `worker: id`."""
        value = self.content[key]
        if isinstance(value, str) and value not in NOTHING and "column" in required:
            value = {"column": value}
        section = _Section(f"{self.where}: {key}", value)
        section.require_keys(required, optional)
        return section

    def recoding(self, key: str) -> dict[str, str | None] | None:
        """The map of values under `key`: code -> text, or None for missing."""
        if key not in self.content:
            return None
        pairs = _Section(f"{self.where}: {key}", self.content[key])
        recoding: dict[str, str | None] = {}
        for value, text in pairs.content.items():
            if not isinstance(text, str):
                raise SourceError(f"{pairs.where}: {value} must become a text, not {_shown(text)}")
            if normal_code(value) in recoding:
                raise SourceError(f"{pairs.where}: the value {value} is listed twice")
            recoding[normal_code(value)] = None if text in NOTHING else text
        return recoding


def _occupation(top: _Section) -> OccupationColumn:
    section = top.section("occupation", required=("column",), optional=("crosswalk", "missing"))
    crosswalk = section.text("crosswalk", "none")
    missing = _codes(section.texts("missing"))
    return OccupationColumn(section.text("column"), None if crosswalk == "none" else crosswalk, missing)


def _status(top: _Section, states: tuple[str, ...]) -> RecodedColumn | None:
    if "status" not in top:
        return None
    section = top.section("status", required=("column", "values"))
    values = section.recoding("values") or {}
    for code, meaning in values.items():
        _one_of(section, f"value {code}", meaning or "null", (EMPLOYED, *states))
    return RecodedColumn(section.text("column"), values)


def _leave_out(top: _Section) -> tuple[LeftOut, ...]:
    if "leave_out" not in top:
        return ()
    reasons = _Section(f"{top.where}: leave_out", top.content["leave_out"])
    rules = []
    for reason in reasons.content:
        section = reasons.section(reason, required=("column", "values"))
        rules.append(LeftOut(reason, section.text("column"), _codes(section.texts("values"))))
    return tuple(rules)


def _covariates(top: _Section) -> dict[str, RecodedColumn]:
    if "covariates" not in top:
        return {}
    covariates = top.section("covariates", required=(), optional=COVARIATES)
    columns = {}
    for name in covariates.content:
        section = covariates.section(name, required=("column",), optional=("values",))
        columns[name] = RecodedColumn(section.text("column"), section.recoding("values"))
    return columns


def _weight(top: _Section) -> tuple[str | None, str]:
    if "weight" not in top:
        return None, "none"
    section = top.section("weight", required=("column",), optional=("kind",))
    return section.text("column"), _one_of(section, "kind", section.text("kind", WEIGHT_KINDS[0]), WEIGHT_KINDS)


def _one_of(section: _Section, what: str, value: str, allowed: Iterable[str]) -> str:
    if value not in allowed:
        raise SourceError(f"{section.where}: unknown {what} {value!r}; use {', '.join(allowed)}")
    return value


def _codes(values: Iterable[str]) -> frozenset[str]:
    return frozenset(normal_code(value) for value in values)


def _shown(value: object) -> str:
    if value is None or value in NOTHING:
        return "nothing"
    kinds: dict[type, str] = {list: "a list", dict: "lines of 'name: value'"}
    return kinds.get(type(value), repr(value))

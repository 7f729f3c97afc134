"""Any table with one row per worker and year, explained by a mapping file, becomes a panel."""

from collections.abc import Callable
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import Crosswalk, Taxonomy, load_crosswalk, load_taxonomy
from laborllm.occupations.crosswalk import normal_code
from laborllm.panel import Panel, Provenance
from laborllm.sources.formats import values
from laborllm.sources.formats.database import read_query
from laborllm.sources.formats.raw import read_raw
from laborllm.sources.formats.raw_table import RawTable
from laborllm.sources.mapping import EMPLOYED, KeyColumn, RecodedColumn, TableMapping
from laborllm.sources.row_counts import LEFT_OUT, count_codes, coverage, finish_panel, first_reason, left_out
from laborllm.sources.row_of_year import leave_one_row
from laborllm.sources.spellings import to_panel_words
from laborllm.storage import file_hash

NO_STATUS, NO_OCCUPATION = "status missing", "occupation missing"
UNKNOWN_OCCUPATION = (NO_STATUS, NO_OCCUPATION)
ROW = "row of the source"
OWN = "own "  # before the names of the user's own columns, which may be those of roles


def import_table(path: str | Path, mapping: str | Path, *, seed: int = 0, split_by: str | None = None) -> Panel:
    r"""Read a table of any supported format as the mapping file says.

    Every row becomes a record or is counted in `provenance.left_out`; which occupation codes have a place in the
    taxonomy, and which words of covariates were read as others, stands in `provenance.notes`.

    Args:
        path: CSV, Parquet, Stata, SPSS or SAS.
        mapping: The YAML file that says what its columns mean.
        seed: Draws the split.
        split_by: One of the mapping's `columns`, whose values the split keeps whole, or `worker`; default: household
            where the mapping has that column, else worker.

    Returns:
        The panel.

    Raises:
        SourceError: A file, mapping, column or value that cannot be used as asked, or a worker with several rows in a
            year unless the mapping says which of them counts.
        TaxonomyError: An unknown taxonomy or crosswalk.
        PanelError: Rows that do not form a panel, such as a year of birth that changes.

    Examples:
        >>> import laborllm as ll
        >>> _ = Path("jobs.csv").write_text("id,year,job\n1,2019,2\n1,2020,3\n")
        >>> meaning = "dataset: SURVEY\ntaxonomy: nlswork\nworker: id\nyear: year\noccupation: job\n"
        >>> _ = Path("jobs.yaml").write_text(meaning)
        >>> len(ll.import_table("jobs.csv", "jobs.yaml"))
        2
    """
    return _import(
        lambda meaning: read_raw(Path(path), meaning.columns, meaning.encoding), Path(mapping), seed, split_by
    )


def import_query(
    query: str, database: str, mapping: str | Path, *, seed: int = 0, split_by: str | None = None
) -> Panel:
    r"""Read the rows of a SQL query as the mapping file says, as `import_table` does those of a file.

    `provenance.notes` keeps the query without its texts, its hash, and the address without user and password.

    Args:
        query: One SQL query; nothing is changed in the database.
        database: postgresql://USER@HOST:PORT/NAME or duckdb://FILE.
        mapping: The YAML file that says what the columns of the query mean.
        seed: Draws the split.
        split_by: One of the mapping's `columns`, whose values the split keeps whole, or `worker`; default: household
            where the mapping has that column, else worker.

    Returns:
        The panel.

    Raises:
        SourceError: A database, query, mapping, column or value that cannot be used as asked.
        TaxonomyError: An unknown taxonomy or crosswalk.
        PanelError: Rows that do not form a panel.

    Examples:
        >>> import duckdb
        >>> import laborllm as ll
        >>> with duckdb.connect("jobs.duckdb") as database:
        ...     _ = database.sql("create table jobs as select 1 as id, 2019 as year, 2 as job")
        >>> meaning = "dataset: SURVEY\ntaxonomy: nlswork\nworker: id\nyear: year\noccupation: job\n"
        >>> _ = Path("jobs.yaml").write_text(meaning)
        >>> len(ll.import_query("select * from jobs", "duckdb://jobs.duckdb", "jobs.yaml"))
        1
    """
    return _import(lambda meaning: read_query(query, database, meaning.columns), Path(mapping), seed, split_by)


def _import(read: Callable[[TableMapping], RawTable], mapping: Path, seed: int, split_by: str | None) -> Panel:
    meaning = TableMapping.load(mapping)
    taxonomy = load_taxonomy(_next_to(mapping, meaning.taxonomy)).with_states(meaning.states)
    crosswalk = _load_crosswalk(mapping, meaning, taxonomy)
    raw = read(meaning)
    numbered, source = pl.Series(ROW, range(1, raw.frame.height + 1)), next(iter(raw.files), "the query")
    with values.rows_named(numbered, source):
        for name in (meaning.worker.column, meaning.occupation.column):
            values.refuse_mangled(raw.frame[name], f"column {name}")
        rows = _with_activity(_by_role(raw, meaning).with_columns(numbered), meaning)
    codes = _count_codes(rows, meaning)
    targets = _targets(codes, taxonomy, crosswalk)
    rows = _with_occupation(rows, targets, meaning)
    rows = leave_one_row(_with_open_records(rows) if meaning.open else rows, meaning.row_of_year)
    kept = rows.filter(pl.col(LEFT_OUT).is_null())
    with values.rows_named(kept[ROW], source):
        records, notes = _records(kept, raw, meaning)
    provenance = Provenance(
        source="table",
        files=raw.files | {mapping.name: file_hash(mapping)},
        rows_in=raw.frame.height,
        left_out=left_out(rows),
        notes=raw.notes | coverage(codes, targets, [crosswalk] if crosswalk else []) | notes,
    )
    kind, dataset = meaning.weight_kind, meaning.dataset
    with values.rows_named(kept[ROW], source):
        return finish_panel(records, provenance, taxonomy, dataset, seed=seed, weight_kind=kind, split_by=split_by)


def _by_role(raw: RawTable, meaning: TableMapping) -> pl.DataFrame:
    """The columns named by what they are for (worker, year, code, status, covariates, weight), and `left_out`."""
    columns = {"worker": _key(meaning.worker), "year": _key(meaning.year)}
    columns["code"] = values.code(meaning.occupation.column)
    if meaning.row_of_year:
        columns["order"] = pl.col(meaning.row_of_year.order)
    for name, column in meaning.own.items():
        columns[f"{OWN}{name}"] = values.code(column.column) if column.values else pl.col(column.column)
    if meaning.status:
        columns["status"] = values.code(meaning.status.column)
    for name, covariate in meaning.covariates.items():
        columns[name] = values.code(covariate.column)
    if meaning.weight:
        columns["weight"] = pl.col(meaning.weight)
    asked = [(values.code(rule.column).is_in(list(rule.values)), rule.reason) for rule in meaning.leave_out]
    return raw.frame.select(first_reason(*asked), **columns)


def _key(key: KeyColumn) -> pl.Expr:
    """The cells that name a worker or a year; null for those that mean that it is missing."""
    return pl.when(~pl.col(key.column).is_in(list(key.missing))).then(key.column)


def _with_activity(rows: pl.DataFrame, meaning: TableMapping) -> pl.DataFrame:
    """Add `activity`: employed, a state, or null where the status is missing. Without a status column all work."""
    if meaning.status is None:
        return rows.with_columns(activity=pl.lit(EMPLOYED))
    relevant = rows.select(pl.when(pl.col(LEFT_OUT).is_null()).then("status")).to_series()
    recoding = dict.fromkeys(meaning.missing) | (meaning.status.values or {})
    return rows.with_columns(values.recode(relevant, recoding, f"column {meaning.status.column}").alias("activity"))


def _count_codes(rows: pl.DataFrame, meaning: TableMapping) -> dict[str, int]:
    """Occupation code -> rows, over the rows that need an occupation; the most frequent first."""
    uncodable = list(meaning.missing | meaning.occupation.missing)
    whose = pl.col(LEFT_OUT).is_null() & pl.col("worker").is_not_null() & pl.col("year").is_not_null()
    needed = whose & (pl.col("activity") == EMPLOYED) & ~pl.col("code").is_in(uncodable)
    return count_codes(rows.filter(needed)["code"])


def _targets(codes: dict[str, int], taxonomy: Taxonomy, crosswalk: Crosswalk | None) -> dict[str, str]:
    """Source code -> taxonomy code, for the codes that have one. States may stand in the occupation column too."""
    places = {normal_code(code): code for code in taxonomy.codes}
    if crosswalk:
        states = {state: state for state in taxonomy.states}
        mapped = {code: places.get(normal_code(target)) for code, target in crosswalk.pairs.items()}
        places = states | {code: place for code, place in mapped.items() if place is not None}
    targets = {code: places[code] for code in codes if code in places}
    if codes and not targets:
        where = f"crosswalk {crosswalk.name}" if crosswalk else f"taxonomy {taxonomy.name}"
        listed = ", ".join(values.cut(code) for code in list(codes)[: values.SHOWN])
        raise SourceError(f"none of the {len(codes)} occupation codes is in {where}", cells=listed)
    return targets


def _with_occupation(rows: pl.DataFrame, targets: dict[str, str], meaning: TableMapping) -> pl.DataFrame:
    """Add `occupation`, and the reason for every row that has none to `left_out`."""
    works = pl.col("activity") == EMPLOYED
    target = pl.col("code").replace_strict(targets, default=None, return_dtype=pl.String)
    occupation = pl.when(works).then(target).otherwise("activity")
    reason = first_reason(
        (pl.col("worker").is_null(), "worker missing"),
        (pl.col("year").is_null(), "year missing"),
        (pl.col("activity").is_null(), NO_STATUS),
        (works & pl.col("code").is_null(), NO_OCCUPATION),
        (works & pl.col("code").is_in(list(meaning.missing)), NO_OCCUPATION),
        (works & pl.col("code").is_in(list(meaning.occupation.missing)), "occupation uncodable"),
        (occupation.is_null(), "occupation code not in taxonomy"),
    )
    return rows.with_columns(pl.coalesce(LEFT_OUT, reason), occupation=occupation)


def _with_open_records(rows: pl.DataFrame) -> pl.DataFrame:
    """Keep the rows whose occupation is not known and after which the worker has none that is: they are open."""
    year = pl.col("year").cast(pl.Float64, strict=False)
    last = year.filter(pl.col(LEFT_OUT).is_null()).max().over("worker").fill_null(float("-inf"))
    is_open = pl.col(LEFT_OUT).is_in(UNKNOWN_OCCUPATION) & (year > last)
    occupation = pl.when(~is_open).then("occupation")
    return rows.with_columns(pl.when(~is_open).then(LEFT_OUT), occupation.alias("occupation"))


def _records(kept: pl.DataFrame, raw: RawTable, meaning: TableMapping) -> tuple[pl.DataFrame, dict[str, str]]:
    """The records, and notes on how words of covariates were read."""
    years = values.years(kept["year"], f"column {meaning.year.column}", recoding={})
    columns, notes = [kept["worker"], kept["occupation"], years], dict[str, str]()
    for name, covariate in meaning.covariates.items():
        words = _covariate(kept[name], covariate, raw, meaning)
        settled = kept[name].is_in(list(covariate.values or {})).fill_null(False)
        words, read = to_panel_words(words, name, settled=settled)
        columns.append(words)
        notes |= read
    if meaning.weight:
        what, numbers = f"column {meaning.weight}", meaning.numbers
        columns.append(values.weights(kept["weight"], what, missing=meaning.missing, numbers=numbers))
    columns += [_own(kept[f"{OWN}{name}"].alias(name), column, raw, meaning) for name, column in meaning.own.items()]
    return pl.DataFrame(columns), notes


def _covariate(codes: pl.Series, covariate: RecodedColumn, raw: RawTable, meaning: TableMapping) -> pl.Series:
    what = f"column {covariate.column}"
    if codes.name == "birth_year":
        return values.years(codes, what, recoding=dict.fromkeys(meaning.missing) | (covariate.values or {}))
    labels = raw.labels.get(covariate.column, {})
    return values.texts(codes, what, values=covariate.values, labels=labels, missing=meaning.missing)


def _own(cells: pl.Series, column: RecodedColumn, raw: RawTable, meaning: TableMapping) -> pl.Series:
    labels = raw.labels.get(column.column, {})
    if column.values:
        what = f"column {column.column}"
        return values.texts(cells, what, values=column.values, labels=labels, missing=meaning.missing)
    return values.own(cells, labels=labels, missing=meaning.missing, numbers=meaning.numbers)


def _load_crosswalk(mapping: Path, meaning: TableMapping, taxonomy: Taxonomy) -> Crosswalk | None:
    if meaning.occupation.crosswalk is None:
        return None
    crosswalk = load_crosswalk(_next_to(mapping, meaning.occupation.crosswalk))
    if crosswalk.target != taxonomy.name:
        raise SourceError(
            f"{mapping.name}: crosswalk {crosswalk.name} leads to {crosswalk.target}, not to taxonomy {taxonomy.name}"
        )
    return crosswalk


def _next_to(mapping: Path, name: str) -> str | Path:
    """A file named in the mapping is sought next to it; any other name is one of the shipped tables."""
    return mapping.parent / name if name.endswith(".csv") else name

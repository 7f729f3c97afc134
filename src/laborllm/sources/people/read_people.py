"""People, by the ways one has them: a list of jobs, resumes, a panel, a data frame. All become careers to forecast.

people = read_people("displaced.csv", PeopleOptions(as_of="2025-06", out_of_work_since=2025))
people.panel    # careers that end with a year out of work
people.titles   # each title with its code and how sure that is
"""

import tempfile
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from laborllm.occupations import Taxonomy, load_taxonomy
from laborllm.occupations.coding.coder import SCHEMA, TitleCoder
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.panel.facts import MARK
from laborllm.sources.formats.raw import UNREADABLE
from laborllm.sources.formats.values import NOT_AVAILABLE
from laborllm.sources.people.columns import COVARIATES, as_polars, of_persons, person_columns, require_jobs
from laborllm.sources.people.options import PeopleOptions, require_no_state
from laborllm.sources.people.out_of_work import out_of_work, until_out
from laborllm.sources.resumes.import_resumes import RESUME_ENDINGS, last_day, read_source, write_resumes
from laborllm.sources.resumes.options import JobOptions, ResumeOptions
from laborllm.sources.spellings import WORDS, to_panel_words

DATASET, PLAIN = "PEOPLE", PeopleOptions()
TAXONOMY, STATES = "occ1990dd", ("unemployed", "not_in_labor_force", "in_education")


@dataclass(frozen=True)
class People:
    """Careers of people, and what became of the titles of their jobs.

    Attributes:
        panel: The careers of those of whom at least one year is known.
        titles: Each distinct title with code, occupation, confidence (0 to 1) and match, the least sure first; empty
            where codes came with the people.
        left_out: Names of the people of whom no year is known.

    Examples:
        >>> import laborllm as ll, polars as pl
        >>> jobs = pl.DataFrame({"worker": ["Ada"], "start": ["May 2015"], "end": ["2020"], "title": ["Nurse, RN"]})
        >>> ll.read_people(jobs, ll.PeopleOptions(as_of="2021")).titles["occupation"].to_list()
        ['Registered nurses']
    """

    panel: Panel
    titles: pl.DataFrame
    left_out: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Sizes, and no record."""
        return f"People({self.panel.workers:,} with {len(self.panel):,} records, {len(self.left_out):,} left out)"


def read_people(people: Any, options: PeopleOptions = PLAIN, *, coder: TitleCoder | None = None) -> People:
    """Read people in any form in which one has them.

    Args:
        people: A list with one row per job (a CSV or Parquet file, or a data frame of Polars or pandas) with columns
            worker, start, end and title, and perhaps education, birth_year, gender, ethnicity, region and
            out_of_work_since; JSON Resumes (a file or a folder); a panel, or the file of one; or a data frame of a
            panel, with columns worker, year and occupation (codes of occ1990dd, or states).
        options: How a list or resumes are read; of a data frame, jobs without an end continue to today by default.
        coder: A coder of titles that is loaded already, in place of the shipped one, which takes a second or more.

    Returns:
        The people. What is not known of them is missing.

    Raises:
        SourceError: The form is not known, a file cannot be read, no title could be coded, or someone was out of work
            before her first job or after the list was true.
        TaxonomyError: A correction is no title with one code.
        PanelError: The records do not form a panel.
        OptionError: People who come as a panel, which is taken as it is, are said to be out of work.

    Examples:
        >>> import laborllm as ll
        >>> ll.read_people(ll.import_synthetic(workers=50))
        People(50 with 805 records, 0 left out)
    """
    if isinstance(people, Panel):
        return _coded_before(people, options)
    if isinstance(people, str | Path):
        path = Path(people)
        if _is_panel_file(path):
            return _coded_before(Panel.load(path), options)
        return _coded(path, None if _is_resumes(path) else person_columns(path, options.encoding), options, coder)
    frame = as_polars(people)
    if {"worker", "year", "occupation"} <= set(frame.columns):
        return _coded_before(_panel_of(frame), options)
    today = datetime.now(UTC).date().isoformat()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.parquet"
        require_jobs(frame).write_parquet(path)
        return _coded(path, frame, replace(options, as_of=options.as_of or today), coder)


def _coded(path: Path, frame: pl.DataFrame | None, options: PeopleOptions, coder: TitleCoder | None) -> People:
    """The people of a list or of resumes.

    Args:
        path: Their jobs.
        frame: What the list says of them besides; None: nothing.
        options: How jobs are read.
        coder: Codes the titles; None: the shipped one.
    """
    names = read_source(path, options.encoding).rows.select("worker").collect()["worker"]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "panel.parquet"
        written = write_resumes(path, file, _as_resumes(options), coder=coder)
        panel = Panel.load(file)
    known = _with_covariates(panel, frame)
    out = out_of_work(frame, known, options.out_of_work_since, options.date_order)
    end = last_day(options.as_of, path, options.date_order).year
    careers = known if out.is_empty() else until_out(known, out, end)
    there = set(careers.records["worker"])
    left_out = [name for name in names.drop_nulls().unique(maintain_order=True) if name not in there]
    return People(careers, _with_occupations(written.titles, panel.taxonomy), tuple(left_out))


def _as_resumes(options: PeopleOptions) -> ResumeOptions:
    shared = {field.name: getattr(options, field.name) for field in fields(JobOptions)}
    return ResumeOptions(**shared, states=STATES, dataset=DATASET)


def _coded_before(panel: Panel, options: PeopleOptions) -> People:
    require_no_state(options)
    return People(panel, pl.DataFrame(schema=SCHEMA | {"occupation": pl.String}))


def _with_occupations(titles: pl.DataFrame, taxonomy: Taxonomy) -> pl.DataFrame:
    """Each distinct title: title, code, occupation, confidence and match, the least sure first."""
    names = dict(zip(taxonomy.codes, taxonomy.titles, strict=True))
    occupation = pl.col("code").replace_strict(names, default=None, return_dtype=pl.String).alias("occupation")
    return titles.select("title", "code", occupation, "confidence", "match").sort("confidence", maintain_order=True)


def _is_panel_file(path: Path) -> bool:
    try:
        return path.suffix == ".parquet" and MARK in pl.read_parquet_metadata(path)
    except UNREADABLE:
        return False


def _is_resumes(path: Path) -> bool:
    return path.is_dir() or path.name.lower().endswith(RESUME_ENDINGS)


def _panel_of(frame: pl.DataFrame) -> Panel:
    taxonomy = load_taxonomy(TAXONOMY).with_states(STATES)
    records = _in_panel_words(frame.with_columns(pl.col("worker", "occupation").cast(pl.String)))
    split = records if "split" in records.columns else assign_split(records)
    return Panel(split, taxonomy, DATASET, Provenance("data frame"))


def _with_covariates(panel: Panel, frame: pl.DataFrame | None) -> Panel:
    records = panel.records
    for name in COVARIATES:
        known = of_persons(frame, name)
        if not known.is_empty():
            records = records.drop(name).join(known, on="worker", how="left", maintain_order="left")
    return panel.with_records(_in_panel_words(records))


def _in_panel_words(records: pl.DataFrame) -> pl.DataFrame:
    """The covariates as the panels spell them, "F" as "female", and null where nothing is known."""
    there = [name for name in WORDS if name in records.columns]
    said = {name: records[name].cast(pl.String).replace(dict.fromkeys(NOT_AVAILABLE)) for name in there}
    none = pl.repeat(False, len(records), eager=True)
    return records.with_columns(to_panel_words(words, name, settled=none)[0] for name, words in said.items())

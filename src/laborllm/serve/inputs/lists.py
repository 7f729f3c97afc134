"""A list of people as a CSV file, to the careers of a group, with the titles that a visitor has corrected."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations.own_file import column_name
from laborllm.panel import over
from laborllm.serve.inputs.careers import Worker
from laborllm.serve.served import Served
from laborllm.sources import People, PeopleOptions, read_people
from laborllm.sources.formats.delimited import split_cells
from laborllm.sources.formats.text import decode, plain_cells

UNSURE = 0.0  # titles are coded however unsure, for the visitor to look over
WIDEST = 30  # columns of a list
ALL = "all"


@dataclass(frozen=True)
class Listed:
    """The people of a list.

    Attributes:
        workers: Their careers.
        labels: The group of each.
        titles: Each distinct title with code, occupation, confidence and match, the least sure first.
        left_out: How many people no year is known of.
    """

    workers: tuple[Worker, ...]
    labels: tuple[str, ...]
    titles: pl.DataFrame
    left_out: int


def read_list(
    text: str,
    served: Served,
    *,
    lost: int | None,
    as_of: int,
    corrections: Mapping[str, str],
    require: Callable[[int, int], None] = lambda people, titles: None,
) -> Listed:
    """The people of a CSV text with a row per job: worker, start, end, title, and perhaps group and others.

    Args:
        text: The file.
        served: Whose model is to read them.
        lost: The year in which all lost their jobs, if they did.
        as_of: The year in which the list was true.
        corrections: Title to code, as the visitor has corrected them.
        require: Refuses so many people, or so many different titles, before they are read.

    Raises:
        InputError: The text is no such list.
    """
    if served.titles.coder is None:
        raise SourceError("the model of this server has a taxonomy of its own, into which no titles are coded")
    header, frame = split_cells("the list", text)
    if len(header) > WIDEST:
        raise SourceError(f"the list has {len(header)} columns: at most {WIDEST}")
    jobs = frame.rename(dict(zip(frame.columns, _names(header), strict=True)))
    jobs = jobs.select(plain_cells(pl.all()))
    if {"worker", "title"} <= set(jobs.columns):
        require(jobs["worker"].n_unique(), jobs["title"].n_unique())
    coder = served.titles.coder.with_corrections(dict(corrections))
    options = PeopleOptions(as_of=str(as_of), out_of_work_since=lost, threshold=UNSURE)
    found = read_people(jobs, options, coder=coder)
    workers = _workers(found, served)
    group_of = dict(jobs.select("worker", "group").drop_nulls().iter_rows()) if "group" in jobs.columns else {}
    labels = tuple(group_of.get(name, ALL)[:80] for name in workers)
    return Listed(tuple(workers.values()), labels, found.titles, len(found.left_out))


def list_text(content: bytes) -> str:
    """The text of an uploaded file. Raises `SourceError` if it is none."""
    return decode("the list", content)[0]


def _names(header: list[str]) -> list[str]:
    """Names of columns as they are known: in lower case, with underscores."""
    names = [re.sub(r"\W+", "_", column_name(name)) or f"column_{at}" for at, name in enumerate(header)]
    if len(set(names)) < len(names):
        raise SourceError("two columns of the list have one name")
    return names


def _workers(found: People, served: Served) -> dict[str, Worker]:
    """Careers by the name in the list, over the taxonomy of the model."""
    records = over(found.panel, served.taxonomy).records
    columns = ("year", "occupation", "education", "gender", "ethnicity", "region", "birth_year")
    return {
        str(name): Worker(tuple(part.select(columns).iter_rows()))
        for (name,), part in records.group_by("worker", maintain_order=True)
    }

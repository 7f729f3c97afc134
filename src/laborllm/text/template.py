"""From a career to the text that a language model reads: the resume template of LABOR-LLM (arXiv 2406.17972, app. B).

A line is written from what is known when it is forecast. The header holds only what is fixed over a life, and the
region of the first record, so no line tells anything about a later one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any, Literal, get_args

import polars as pl

from laborllm.errors import OptionError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import require_known_past
from laborllm.text.titles import Titles, title_texts

END = "<END OF DATA>"

LeftOut = Literal["birth-year", "demographics", "education", "ethnicity", "gender", "region"]
DEMOGRAPHICS = ("ethnicity", "gender", "region")

Record = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """How a career is written; the command line makes an option of each attribute.

    Attributes:
        titles: English titles; codes without meaning (job_144); titles abbreviated or reworded by fixed rules, or
            with "Sr." before those of jobs; or shuffled, each the title of another occupation.
        leave_out: What is not written; demographics are ethnicity, gender and region.
        last_records: Forecast each record from this many records before it, and the header; default: from all.
        title_seed: Seed of the codes, and of what is shuffled.
        wording: Name of the wording, which is frozen.

    Raises:
        OptionError: A value that is none of those allowed.

    Examples:
        >>> import laborllm as ll
        >>> ll.LanguageModel(template=ll.Template(leave_out=("demographics",))).template.titles
        'literal'
    """

    titles: Titles = "literal"
    leave_out: tuple[LeftOut, ...] = ()
    last_records: int | None = None
    title_seed: int = 0
    wording: Literal["resume-1"] = "resume-1"

    def __post_init__(self) -> None:
        object.__setattr__(self, "leave_out", tuple(sorted(set(self.leave_out))))
        _require_one_of("kind of titles", self.titles, get_args(Titles))
        _require_one_of("wording", self.wording, ("resume-1",))
        for name in self.leave_out:
            _require_one_of("covariate to leave out", name, get_args(LeftOut))
        if self.last_records is not None and self.last_records < 1:
            raise OptionError(f"last-records must be at least 1, not {self.last_records}")

    @property
    def columns_left_out(self) -> set[str]:
        """The covariates of a panel that are not written."""
        groups = {"demographics": DEMOGRAPHICS, "birth-year": ("birth_year",)}
        return {column for name in self.leave_out for column in groups.get(name, (name,))}

    def title_texts(self, taxonomy: Taxonomy) -> tuple[str, ...]:
        """What is written for each occupation of a taxonomy.

        Args:
            taxonomy: The J occupations.

        Returns:
            J strings, no two alike.

        Raises:
            TaxonomyError: The template would write two titles alike.

        Examples:
            >>> import laborllm as ll
            >>> ll.Template(titles="literal").title_texts(ll.load_taxonomy("nlswork"))[1]
            'Managers'
        """
        return title_texts(taxonomy, self.titles, self.title_seed)


@dataclass(frozen=True)
class CareerText:
    """One career as text, or a window of it, from which T records are forecast.

    The title of record t, with the leading space, is text[prompt_ends[t]:title_ends[t]]; the newline after it ends the
    title. An open record has no title yet: the text ends with its prompt.

    Attributes:
        worker: Whose career it is.
        text: The text.
        prompt_ends: Where the title of each of the T records starts: the end of its prompt.
        title_ends: Where each title ends; equal to its start where the record is open.
        history: (start, end) of the titles before, of records that are only read: another window forecasts them.
    """

    worker: str
    text: str
    prompt_ends: tuple[int, ...]
    title_ends: tuple[int, ...]
    history: tuple[tuple[int, int], ...] = ()

    @property
    def places(self) -> list[tuple[int, int]]:
        """Where the titles of all records stand, those that are only read first."""
        return [*self.history, *zip(self.prompt_ends, self.title_ends, strict=True)]

    @property
    def is_open(self) -> bool:
        """Whether the last record has no title yet."""
        return self.prompt_ends[-1] == self.title_ends[-1]

    def closed(self, title: str) -> "CareerText":
        """An open career with `title` in its open record."""
        end = len(self.text) + 1 + len(title)
        return replace(self, text=f"{self.text} {title}\n", title_ends=(*self.title_ends[:-1], end))


def render(panel: Panel, template: Template) -> Iterator[CareerText]:
    """The text of every career, in the order of the panel; with `last_records`, one text or more of each.

    The first text of a career then holds as many records as may precede another, and one; each further text is for one
    record, and holds the header and the records before it that count. Raises `PanelError` where an open record follows
    another.
    """
    require_known_past(panel)
    titles = dict(zip(panel.taxonomy.codes, template.title_texts(panel.taxonomy), strict=True))
    records = panel.records.with_columns(pl.lit(None).alias(column) for column in template.columns_left_out)
    for worker, group in groupby(records.iter_rows(named=True), key=lambda record: str(record["worker"])):
        career = list(group)
        header = _header(career[0]["dataset"] or panel.dataset, career[0])
        for first, forecast, end in _windows(len(career), template.last_records):
            closing = END if end == len(career) and career[-1]["occupation"] is not None else ""
            yield _career_text(worker, header, career[first:end], forecast - first, closing, titles)


def _windows(records: int, last: int | None) -> Iterator[tuple[int, int, int]]:
    """For each text of a career: its first record, the first record that it forecasts, and the end of both."""
    whole = records if last is None else min(last + 1, records)
    yield 0, 0, whole
    for record in range(whole, records):
        yield record - whole + 1, record, record + 1


def _career_text(
    worker: str, header: str, records: list[Record], read: int, closing: str, titles: dict[str, str]
) -> CareerText:
    """read: how many of the records are history only."""
    text, places = header, []
    for record in records:
        text += _prompt(record)
        title = "" if record["occupation"] is None else f" {titles[record['occupation']]}"
        places.append((len(text), len(text) + len(title)))
        text += f"{title}\n" if title else ""
    prompt_ends, title_ends = zip(*places[read:], strict=True)
    return CareerText(worker, text + closing, prompt_ends, title_ends, tuple(places[:read]))


def _header(dataset: str, first: Record) -> str:
    person = " ".join(word for word in (first["gender"], first["ethnicity"], "US worker") if word)
    region = f" residing in the {first['region']} region" if first["region"] else ""
    columns = "year, education level, and the job title" if first["education"] else "year and the job title"
    lines = [
        f"<A worker from the {dataset} dataset>",
        f"The following information is available about the work history of {_article(person)} {person}{region}.",
        f"The worker was born in {first['birth_year']}." if first["birth_year"] else "",
        f"The worker has the following records of work experience, one entry per line, including {columns}:",
    ]
    return "".join(f"{line}\n" for line in lines if line)


def _prompt(record: Record) -> str:
    education = f" ({record['education']})" if record["education"] else ""
    return f"{record['year']}{education}:"


def _article(words: str) -> str:
    return "an" if words[0].lower() in "aeio" else "a"


def _require_one_of(what: str, found: str, known: tuple[str, ...]) -> None:
    if found not in known:
        raise OptionError(f"unknown {what} {found!r}: use {', '.join(known)}")

"""From a career to the text that a language model reads: the resume template of LABOR-LLM (arXiv 2406.17972, app. B).

A line is written from what is known when it is forecast. The header holds only what is fixed over a life, and the
region of the first record, so no line tells anything about a later one.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import groupby
from typing import Any, Literal

from laborllm.errors import LaborLLMError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel

END = "<END OF DATA>"

Record = dict[str, Any]


@dataclass(frozen=True)
class Template:
    """A named, frozen wording. titles: "literal" for the English title, "numeric" for a bare code (job_144)."""

    version: str = "resume-1"
    titles: Literal["literal", "numeric"] = "literal"

    def __post_init__(self) -> None:
        if self.version != "resume-1":
            raise LaborLLMError(f"unknown template version {self.version!r}: use resume-1")
        if self.titles not in ("literal", "numeric"):
            raise LaborLLMError(f"unknown kind of titles {self.titles!r}: use literal or numeric")

    def title_texts(self, taxonomy: Taxonomy) -> tuple[str, ...]:
        """What is written for each entry of the taxonomy, J strings."""
        if self.titles == "literal":
            return taxonomy.titles
        return tuple(f"job_{column}" for column in range(len(taxonomy)))

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


@dataclass(frozen=True)
class CareerText:
    """One career as text. Record t has its title, with the leading space, at text[prompt_ends[t]:title_ends[t]]; the
    newline after it ends the title."""

    worker: str
    text: str
    prompt_ends: tuple[int, ...]
    title_ends: tuple[int, ...]


def render(panel: Panel, template: Template) -> Iterator[CareerText]:
    """The text of every career, in the order of the panel."""
    titles = dict(zip(panel.taxonomy.codes, template.title_texts(panel.taxonomy), strict=True))
    rows = panel.records.iter_rows(named=True)
    for worker, records in groupby(rows, key=lambda record: str(record["worker"])):
        yield _career_text(worker, panel.dataset, list(records), titles)


def _career_text(worker: str, dataset: str, records: list[Record], titles: dict[str, str]) -> CareerText:
    text = _header(records[0]["dataset"] or dataset, records[0])
    prompt_ends, title_ends = [], []
    for record in records:
        text += _prompt(record)
        prompt_ends.append(len(text))
        text += f" {titles[record['occupation']]}"
        title_ends.append(len(text))
        text += "\n"
    return CareerText(worker, text + END, tuple(prompt_ends), tuple(title_ends))


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

"""From what a client says of a worker to what a model reads.

A worker is named after a hash of the career, so that equal careers are drawn equal numbers whoever asks with them, and
no name of a person is ever held.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import polars as pl

from laborllm.errors import PanelError
from laborllm.occupations.coding.titles import LISTED, UNSURE, Coded, plain
from laborllm.panel import Panel, Provenance
from laborllm.serve.schema.careers import Career
from laborllm.serve.served import Served
from laborllm.sources.spellings import as_panel_word

ASKED = Provenance("asked of the server")
SURE = 0.95  # a title read more surely needs no number
NEAR = 3  # occupations to name in place of a title that is not clear
COLUMNS = {
    "worker": pl.String(),
    "year": pl.Int64(),
    "occupation": pl.String(),
    "education": pl.String(),
    "gender": pl.String(),
    "ethnicity": pl.String(),
    "region": pl.String(),
    "birth_year": pl.Int64(),
    "split": pl.String(),
}
Row = tuple[int, str | None, str | None, str | None, str | None, str | None, int | None]


@dataclass(frozen=True)
class Worker:
    """One career as a model reads it: its rows hold year, occupation, education, gender, ethnicity, region, birth year.

    Attributes:
        rows: Observed records, and after them open ones.
        copy: Tells people with equal careers apart.
        seed_of: The rows whose hash draws the numbers; those of another version in a what-if. Default: its own.
    """

    rows: tuple[Row, ...]
    copy: int = 0
    seed_of: tuple[Row, ...] | None = None

    @property
    def name(self) -> str:
        """A hash of the observed records."""
        observed = [row for row in self.seed_of or self.rows if row[1] is not None]
        return hashlib.sha256(f"{self.copy}\n{observed}".encode()).hexdigest()[:24]

    @property
    def last(self) -> Row:
        """The last observed record."""
        return next(row for row in reversed(self.rows) if row[1] is not None)

    def open(self, years: Iterable[int]) -> "Worker":
        """The career with open records for some years; all else is as in its last record."""
        opened = tuple((year, None, *self.last[2:]) for year in years)
        return replace(self, rows=self.rows + opened)


@dataclass(frozen=True)
class Read:
    """A career that was read.

    Attributes:
        worker: What a model reads.
        titles: How each record's title was coded, in the order of the years.
        notes: What to know of it, in sentences.
    """

    worker: Worker
    titles: tuple[Coded, ...]
    notes: tuple[str, ...]


def read_career(career: Career, served: Served) -> Read:
    """Code the titles of a career and put its covariates into the words of the model.

    Raises:
        PanelError: A title cannot be coded, which the message quotes.
    """
    records = sorted(career.records, key=lambda record: record.year)
    titles = tuple(served.titles.read(record.title) for record in records)
    for coded in titles:
        if coded.code is None:
            raise PanelError(_unclear(coded.said, served))
    said = {
        "education": [record.education for record in records],
        "region": [record.region for record in records],
        "gender": [career.gender],
        "ethnicity": [career.ethnicity],
    }
    words = {name: [text and as_panel_word(name, text) for text in texts] for name, texts in said.items()}
    (gender,), (ethnicity,) = words["gender"], words["ethnicity"]
    rows = tuple(
        (record.year, coded.code, education, gender, ethnicity, region, career.birth_year)
        for record, coded, education, region in zip(records, titles, words["education"], words["region"], strict=True)
    )
    return Read(Worker(rows), titles, tuple(_notes(titles, words, served)))


def _unclear(said: str, served: Served) -> str:
    """What to say of a title that leads to no occupation."""
    found = [each for each in served.titles.candidates(said, NEAR) if each.code and each.confidence >= UNSURE]
    near = ", ".join(each.title for each in found)
    instead = f"one of: {near}" if near else "a title of the taxonomy"
    return f"the title {said!r} leads to no one occupation: use other words, or {instead}"


def panel_of(workers: Sequence[Worker], served: Served) -> Panel:
    """The careers of workers as a panel, in the order of their names."""
    rows = [(worker.name, *row, "test") for worker in workers for row in worker.rows]
    return Panel(pl.DataFrame(rows, COLUMNS, orient="row"), served.taxonomy, served.fitted.record.dataset, ASKED)


def _is_renamed(coded: Coded) -> bool:
    """Whether a title that the taxonomy knows is neither the code nor the title of its occupation, as of a state."""
    return coded.said != coded.code and plain(coded.said) != plain(coded.title)


def _notes(titles: Sequence[Coded], words: dict[str, list[str | None]], served: Served) -> Iterable[str]:
    for coded in dict.fromkeys(titles):
        if coded.match != LISTED or _is_renamed(coded):
            sure = f" ({coded.confidence:.0%} sure)" if coded.confidence < SURE else ""
            yield f"{coded.said} was read as {coded.title}{sure}."
    for covariate, texts in words.items():
        for word in dict.fromkeys(texts):
            if word is not None and not served.knows(covariate, word):
                known = ", ".join(served.words(covariate)) or "none"
                yield f"The model does not know the {covariate} {word!r} and reads it as missing; it knows: {known}."

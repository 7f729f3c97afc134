"""A table of text, and its forms: HTML, CSV and LaTeX."""

import csv
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import polars as pl

from laborllm.privacy.spreadsheets import as_text
from laborllm.report.numbers import INFINITE, MINUS, MISSING, number

LATEX = str.maketrans(
    {character: f"\\{character}" for character in "&%$#_{}"}
    | {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {MISSING: "--", INFINITE: r"$\infty$", MINUS: "$-$"}
)


@dataclass(frozen=True)
class Table:
    """Text in rows; the first column names the row, the others are numbers unless `words` lists their place."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""
    words: tuple[int, ...] = (0,)

    def with_note(self, note: str) -> Self:
        """The table with one more remark below it."""
        return replace(self, note=f"{self.note} {note}".strip())

    def to_html(self) -> str:
        """A table element with a caption; all text is escaped."""
        head = "".join(self._cell("th", text, at, ' scope="col"') for at, text in enumerate(self.header))
        body = "".join(f"<tr>{self._html_row(row)}</tr>" for row in self.rows)
        note = f" <small>{html.escape(self.note)}</small>" if self.note else ""
        caption = f"<caption><span>{html.escape(self.title)}{note}</span></caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

    def to_csv(self) -> str:
        """Header and rows, as shown."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(map(as_text, row) for row in (self.header, *self.rows))
        return text.getvalue()

    def to_latex(self) -> str:
        """A tabular for the package booktabs, and the note below it."""
        alignment = "".join("l" if at in self.words else "r" for at in range(len(self.header)))
        lines = [" & ".join(text.translate(LATEX) for text in row) + r" \\" for row in (self.header, *self.rows)]
        begin, end = rf"\begin{{tabular}}{{{alignment}}}", r"\end{tabular}"
        note = rf"\par\medskip\parbox{{\linewidth}}{{\footnotesize Notes: {self.note.translate(LATEX)}}}"
        notes = [note] if self.note else []
        return "\n".join([begin, r"\toprule", lines[0], r"\midrule", *lines[1:], r"\bottomrule", end, *notes, ""])

    def _html_row(self, row: Sequence[str]) -> str:
        name, *others = row
        cells = [self._cell("td", text, at) for at, text in enumerate(others, start=1)]
        return self._cell("th", name, 0, ' scope="row"') + "".join(cells)

    def _cell(self, element: str, text: str, at: int, attributes: str = "") -> str:
        words = ' class="words"' if at in self.words else ""
        return f"<{element}{attributes}{words}>{html.escape(text)}</{element}>"


def frame_table(title: str, frame: pl.DataFrame) -> Table:
    """Any tidy frame, as it is: the numbers behind a figure."""
    shown = frame.select(name for name in frame.columns if frame[name].null_count() < frame.height)
    rows = tuple(tuple(_plain(value) for value in row) for row in shown.iter_rows())
    words = tuple(at for at, kind in enumerate(shown.dtypes) if kind == pl.String)
    return Table(title, tuple(name.replace("_", " ") for name in shown.columns), rows, words=words)


def _plain(value: object) -> str:
    if isinstance(value, float):
        return number(value)
    return "" if value is None else f"{value:,}" if isinstance(value, int) else str(value)

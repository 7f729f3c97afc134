import csv
import io
from html.parser import HTMLParser

import polars as pl
import pytest

from laborllm.evaluation import Evaluation
from laborllm.report.findings import headline
from laborllm.report.tables import (
    Table,
    difference_table,
    finding,
    forecast_table,
    frame_table,
    perplexity_table,
)

TABLE = Table("Title & <b>", ("model", "a_b"), (("x & <y>", "5 %"), ("{z}", "\N{MINUS SIGN}1")), note="<i>")


class Cells(HTMLParser):
    """The text of every cell, row by row."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.rows: list[list[str]] = []
        self.inside = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag == "tr":
            self.rows.append([])
        if self.inside:
            raise AssertionError(f"markup {tag} inside a cell")
        self.inside = tag in ("td", "th")
        if self.inside:
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.rows[-1][-1] += data


def test_html_holds_every_cell_escaped() -> None:
    assert Cells(TABLE.to_html()).rows == [list(TABLE.header), *map(list, TABLE.rows)]
    assert "<caption>Title &amp; &lt;b&gt; <small>&lt;i&gt;</small></caption>" in TABLE.to_html()


def test_csv_reads_back() -> None:
    assert list(csv.reader(io.StringIO(TABLE.to_csv()))) == [list(TABLE.header), *map(list, TABLE.rows)]


def test_latex_escapes_its_characters() -> None:
    assert TABLE.to_latex().splitlines() == [
        r"\begin{tabular}{lr}",
        r"\toprule",
        r"model & a\_b \\",
        r"\midrule",
        r"x \& <y> & 5 \% \\",
        r"\{z\} & $-$1 \\",
        r"\bottomrule",
        r"\end{tabular}",
    ]


def test_models_come_by_perplexity(evaluation: Evaluation) -> None:
    table = perplexity_table(evaluation)
    assert [row[0] for row in table.rows] == ["truth", "careless", "raw only"]
    by_name = dict(zip(table.header, table.rows[1], strict=True))
    assert (by_name["raw mass"], by_name["greedy valid"]) == ("80.0 %", "90.0 %")
    raw_only = dict(zip(table.header, table.rows[2], strict=True))
    assert (raw_only["perplexity"], raw_only["95 % interval"], raw_only["raw"]) == ("\N{EN DASH}", "", by_name["raw"])


def test_differences_say_what_was_found(evaluation: Evaluation) -> None:
    table = difference_table(evaluation)
    assert table is not None
    assert [(row[0], row[-1]) for row in table.rows] == [("careless", "higher"), ("raw only (raw)", "higher")]


def test_only_forecasts_are_ranked(evaluation: Evaluation) -> None:
    table = forecast_table(evaluation)
    assert table is not None
    assert [row[0] for row in table.rows] == ["truth", "careless"]
    assert table.header[1:4] == ("top 1 right", "top 5 right", "AUC: change of occupation")


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(-2.0, -1.0, "lower"), (1.0, 2.0, "higher"), (-1.0, 1.0, "not told apart"), (None, None, "")],
)
def test_an_interval_in_a_word(low: float | None, high: float | None, word: str) -> None:
    assert finding(low, high) == word


def test_a_frame_is_shown_without_its_empty_columns() -> None:
    frame = pl.DataFrame({"model": ["a"], "records": [1234], "low": [0.5], "note": [None]})
    assert frame_table("t", frame).rows == (("a", "1,234", "0.500"),)


def test_the_headline_names_the_best_and_its_distance(evaluation: Evaluation) -> None:
    said = headline(evaluation)
    assert said.startswith("truth has the lowest perplexity, ")
    assert "; the next, careless, is " in said
    assert said.endswith(" %) above it.")

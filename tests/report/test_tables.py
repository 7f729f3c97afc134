import csv
import io
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import polars as pl
import pyreadstat
import pytest

from evaluation.synthetic import careers, forecast
from laborllm.evaluation import Evaluation, evaluate
from laborllm.privacy.outputs import FILE
from laborllm.report.findings import _against, headline
from laborllm.report.paper import paper_tables, write_tables
from laborllm.report.table import Table, frame_table
from laborllm.report.tables import (
    accuracy_table,
    area_table,
    calibration_table,
    comparison_table,
    finding,
    flow_table,
    group_table,
    perplexity_table,
)
from laborllm.storage import MARKER

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
    assert "<caption><span>Title &amp; &lt;b&gt; <small>&lt;i&gt;</small></span></caption>" in TABLE.to_html()


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
        r"\par\medskip\parbox{\linewidth}{\footnotesize Notes: <i>}",
    ]


def test_models_come_by_perplexity(evaluation: Evaluation) -> None:
    table = perplexity_table(evaluation)
    assert [row[0] for row in table.rows] == ["oracle", "careless"]
    by_name = dict(zip(table.header, table.rows[1], strict=True))
    assert (by_name["raw mass"], by_name["greedy valid"]) == ("80.0 %", "90.0 %")


def test_columns_that_say_nothing_are_left_out() -> None:
    panel = careers(60)
    alone = evaluate({"oracle": forecast(panel, 0.7)}, panel, draws=40)
    assert perplexity_table(alone).header == ("model", "perplexity", "95 % interval")
    assert comparison_table(alone) is None


def test_comparisons_say_what_was_found(evaluation: Evaluation) -> None:
    table = comparison_table(evaluation)
    assert table is not None
    assert table.title == "Perplexity against oracle"
    assert [(row[0], row[-1]) for row in table.rows] == [("careless", "higher")]


def test_all_pairs_name_both_models() -> None:
    panel = careers(60)
    models = {name: forecast(panel, stay) for name, stay in (("a", 0.7), ("b", 0.5), ("c", 0.3))}
    table = comparison_table(evaluate(models, panel, pairs="all", metrics=["perplexity"], draws=40))
    assert table is not None
    assert table.header[:2] == ("model", "against")
    assert {frozenset(row[:2]) for row in table.rows} == {frozenset(pair) for pair in ("ab", "ac", "bc")}


def test_a_fourth_digit_distinguishes_models() -> None:
    panel = careers(60)
    models = {"a": forecast(panel, 0.7), "b": forecast(panel, 0.69)}
    table = perplexity_table(evaluate(models, panel, metrics=["perplexity"], draws=40))
    assert len({row[1] for row in table.rows}) == 2
    assert {len(row[1]) for row in table.rows} == {5}


def test_the_other_tables_have_a_row_per_model(evaluation: Evaluation) -> None:
    for make in (accuracy_table, area_table, calibration_table):
        table = make(evaluation)
        assert table is not None
        assert [row[0] for row in table.rows] == ["oracle", "careless"]


def test_a_group_has_a_row_per_level(evaluation: Evaluation) -> None:
    table = group_table(evaluation, "gender*education")
    assert table is not None
    assert table.header == ("gender and education", "records", "workers", "oracle", "careless")
    assert table.rows[0][0] == "female, college"
    assert sum(int(row[1].replace(",", "")) for row in table.rows) == evaluation.row("oracle", "perplexity")["records"]


def test_flows_are_named_by_their_groups() -> None:
    panel = careers(2000)
    table = flow_table(evaluate({"oracle": forecast(panel, 0.7)}, panel, metrics=["top_1"], draws=40), "oracle")
    assert table is not None
    assert {row[:2] for row in table.rows[:2]} == {("Even", "Odd"), ("Odd", "Even")}
    assert all(row[0] != row[1] for row in table.rows)


def test_nobody_took_a_flow_that_is_left_out() -> None:
    panel = careers(2000)
    found = evaluate({"oracle": forecast(panel, 0.7)}, panel, metrics=["top_1"], draws=40)
    nobody = found.flows.with_columns(
        pl.when(pl.col("origin") == "Even").then(0.0).otherwise("observed").alias("observed")
    )
    table = flow_table(replace(found, flows=nobody), "oracle")
    assert table is not None
    assert "Odd" in {row[0] for row in table.rows}
    assert "Even" not in {row[0] for row in table.rows}


def test_tables_for_a_paper_read_back(evaluation: Evaluation, tmp_path: Path) -> None:
    write_tables(tmp_path / "tables", evaluation)
    made = {path.name for path in (tmp_path / "tables").iterdir()} - {MARKER, FILE}
    latex = {f"{name}.tex" for name in paper_tables(evaluation)}
    assert made == latex | {f"{name}.{kind}" for name in ("estimates", "comparisons") for kind in ("csv", "dta")}
    assert {"perplexity.tex", "by-gender-education.tex"} <= latex
    assert "Notes: " in (tmp_path / "tables" / "perplexity.tex").read_text()
    for name in ("estimates", "comparisons"):
        expected = getattr(evaluation, name)
        from_csv = pl.read_csv(tmp_path / "tables" / f"{name}.csv", infer_schema_length=None)
        from_stata, _ = pyreadstat.read_dta(tmp_path / "tables" / f"{name}.dta", output_format="polars")
        for column in ("estimate", "standard_error", "low", "high"):
            known = expected[column].drop_nulls().to_list()
            assert from_csv[column].drop_nulls().to_list() == pytest.approx(known)
            assert from_stata[column].fill_nan(None).drop_nulls().to_list() == pytest.approx(known)
        assert from_stata["model"].to_list() == expected["model"].to_list()


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(-2.0, -1.0, "lower"), (1.0, 2.0, "higher"), (-1.0, 1.0, "inconclusive"), (None, None, "")],
)
def test_an_interval_in_a_word(low: float | None, high: float | None, word: str) -> None:
    assert finding(low, high) == word


def test_a_frame_is_shown_without_its_empty_columns() -> None:
    frame = pl.DataFrame({"model": ["a"], "records": [1234], "low": [0.5], "note": [None]})
    assert frame_table("t", frame).rows == (("a", "1,234", "0.500"),)


@pytest.mark.parametrize(
    ("ratio", "said"),
    [
        ((0.98, 0.97, 0.99), "2.0 % (95 % interval 1.0 to 3.0 %) below"),
        ((1.99, 1.50, 2.50), "99.0 % (95 % interval 50.0 to 150.0 %) above"),
        ((5.36, 3.24, 9.05), "5.360 times (95 % interval 3.240 to 9.050) the perplexity of"),
        (
            (1.01, 0.99, 1.03),
            "1.010 times (95 % interval 0.990 to 1.030, so chance could explain it) the perplexity of",
        ),
        ((None, None, None), "at an unknown distance from"),
    ],
)
def test_a_ratio_in_words(ratio: tuple[float | None, ...], said: str) -> None:
    assert _against(dict(zip(("estimate", "low", "high"), ratio, strict=True))) == said


def test_the_headline_names_the_best_and_its_distance(evaluation: Evaluation) -> None:
    said = headline(evaluation)
    assert said.startswith("oracle has the lowest perplexity, ")
    assert "; the next, careless, is " in said
    assert said.endswith(" %) above it.")

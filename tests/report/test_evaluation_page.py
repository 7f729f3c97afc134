from pathlib import Path

import polars as pl
import pytest

from evaluation.synthetic import careers, forecast
from laborllm.errors import StorageError
from laborllm.evaluation import Evaluation, evaluate
from laborllm.report import figures
from laborllm.report.page import Figure, Section
from laborllm.report.pages.evaluation import write_report
from laborllm.report.table import frame_table
from report.page import Page, assert_stands_alone


def written(folder: Path, evaluation: Evaluation, **options: object) -> str:
    options = {"title": "Next occupation", "facts": {"Panel": "synthetic"}} | options
    write_report(folder / "report.html", evaluation, **options)  # type: ignore[arg-type]
    return (folder / "report.html").read_text("utf-8")


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory, evaluation: Evaluation) -> str:
    """A whole report."""
    return written(tmp_path_factory.mktemp("report"), evaluation, notes=["A remark."])


def test_the_page_has_its_parts_in_order(text: str) -> None:
    page = Page(text)
    assert page.headings == [
        "Next occupation",
        "How well each model forecasts",
        "Beginnings, stays and moves",
        "Against oracle",
        "By gender and education",
        "By year",
        "By records seen before",
        "Flows between groups of occupations",
        "Who changes, who leaves work",
        "Can the probabilities be taken at their word?",
        "The records behind the numbers",
        "Notes",
        "How it was computed",
        "The data",
        "What it may be used for",
    ]
    assert page.seen.count("svg") == 2 * page.seen.count("figure") == 20  # one for a wide page, one for a phone


def test_the_page_stands_alone(text: str) -> None:
    assert_stands_alone(text)


def test_all_text_is_escaped(tmp_path: Path, hostile: Evaluation) -> None:
    name = hostile.ranking[1]
    text = written(tmp_path, hostile, title=name, facts={name: name}, notes=[name])
    assert "script" not in Page(text).seen
    assert text.count("&lt;script&gt;") >= 10  # title, facts, notes, tables and figures


def test_no_worker_is_named(text: str) -> None:
    assert not [worker for worker in set(careers(300).records["worker"]) if worker in text]


def test_a_report_takes_sections_of_its_own(tmp_path: Path, evaluation: Evaluation) -> None:
    curve = pl.DataFrame({"series": ["a", "a"], "careers": [100, 1000], "perplexity": [12.0, 8.0]})
    figure = Figure(figures.learning_curve(curve), frame_table("Curve", curve), "More careers help.")
    text = written(tmp_path, evaluation, sections=[Section("More data", "What it brings.", (figure,))])
    assert "More data" in Page(text).headings
    assert "More careers help." in text


def test_one_model_of_which_only_the_observed_occupation_was_scored(tmp_path: Path) -> None:
    panel = careers(30)
    alone = evaluate({"alone": forecast(panel, 0.7)}, panel, metrics=["raw_perplexity"], draws=40)
    page = Page(written(tmp_path, alone))
    assert "svg" not in page.seen
    assert "Against alone" not in page.headings


def test_too_few_workers_make_a_page_that_says_so(tmp_path: Path) -> None:
    panel = careers(5)
    few = evaluate({"m": forecast(panel, 0.7)}, panel, by=["transition"], draws=40)
    assert "There are too few workers to report a result: each number takes 10 of them or more." in written(
        tmp_path, few
    )


def test_a_missing_folder_is_one_clear_error(tmp_path: Path, evaluation: Evaluation) -> None:
    with pytest.raises(StorageError, match="there is no folder"):
        write_report(tmp_path / "none" / "report.html", evaluation, title="t", facts={})

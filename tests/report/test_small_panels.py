"""What a person reads of a panel of few people: what can be done with it all the same."""

import polars as pl
import pytest

from laborllm.evaluation import evaluate
from laborllm.models.counts.specs import Transition
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.summary import summarise
from laborllm.report.describe import as_text
from laborllm.report.terminal import plain

TAXONOMY = Taxonomy.from_occupations("few", [("1", "Cooks", "All"), ("2", "Cashiers", "All")])
HEADING = "What so few people allow"


def panel(train: int, valid: int, test: int) -> Panel:
    """Workers with two records each, as many in each split."""
    splits = ["train"] * train + ["valid"] * valid + ["test"] * test
    rows = [
        {"worker": f"w{number}", "year": year, "occupation": str(1 + (number + year) % 2), "split": split}
        for number, split in enumerate(splits)
        for year in (2000, 2001)
    ]
    return Panel(pl.DataFrame(rows), TAXONOMY, "few", Provenance("few"))


def said(train: int, valid: int, test: int) -> dict[str, str]:
    """The lines of the section, by label."""
    text = as_text(summarise(panel(train, valid, test)))
    if HEADING not in text:
        return {}
    lines = text.split(HEADING)[1].strip("\n").split("\n\n")[0].splitlines()
    return {label.strip(): words for label, words in (line.strip().split("  ", 1) for line in lines)}


@pytest.mark.parametrize(
    ("workers", "label", "expected"),
    [
        ((5, 0, 0), "a forecast of each of them", "yes, by a model that was fitted on others"),
        ((5, 0, 0), "a model of their own", "no: no worker is in split valid"),
        ((0, 0, 5), "a model of their own", "no: no worker is in split train or valid"),
        ((6, 1, 2), "a model of their own", "yes, but from few careers it learns little"),
        ((5, 0, 0), "an evaluation", "no: no worker is in split test"),
        ((6, 1, 2), "an evaluation", "perhaps: each number takes 10 workers of split test"),
        ((12, 0, 20), "an evaluation", "yes"),
    ],
)
def test_what_few_people_allow(workers: tuple[int, int, int], label: str, expected: str) -> None:
    assert said(*workers)[label].strip() == expected


@pytest.mark.parametrize("workers", [(30, 10, 15), (0, 0, 100)])
def test_nothing_is_said_of_many(workers: tuple[int, int, int]) -> None:
    assert said(*workers) == {}


def test_an_evaluation_of_few_says_that_they_can_be_forecast() -> None:
    few = panel(20, 5, 9)
    text = plain(evaluate({"counts": Transition().fit(few)}, few, draws=40))
    headline, *_ = text.splitlines()
    assert headline.startswith("There are too few workers to report a result: each number takes 10 of them or more.")
    assert "They can be forecast one by one all the same." in text.replace("\n", " ")
    assert "Records of fewer than 10 workers; 95 %" in text
    assert "Perplexity of the observed occupation" not in text  # a table of names only


def test_an_evaluation_of_ten_has_its_number() -> None:
    ten = panel(20, 5, 10)
    assert "20 records of 10 workers" in plain(evaluate({"counts": Transition().fit(ten)}, ten, draws=40))

"""Natural frequencies in words."""

import polars as pl

from laborllm.report.sentences import sentences

ROWS = pl.DataFrame(
    {
        "worker": ["Ada"] * 4 + ["Ben"] * 2,
        "year": [2026] * 6,
        "kind": ["stay", "move", "move", "other", "first", "other"],
        "title": ["Cashiers", "Cooks", "Nurses", "All others", "Cooks", "All others"],
        "people": [52, 40, 0, 8, 90, 10],
    }
)


def test_stay_comes_first_and_nobody_is_not_said() -> None:
    assert sentences(ROWS, 5) == [
        "Ada, 2026: of 100 people with this history, 52 stay: Cashiers; 40 move: Cooks; 8 all others",
        "Ben, 2026: of 100 people with this history, 90 begin: Cooks; 10 all others",
    ]


def test_more_than_are_shown_are_counted() -> None:
    assert sentences(ROWS, 1)[1:] == ["and 1 more workers in the file"]

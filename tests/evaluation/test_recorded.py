"""The numbers of the first edition, written down by its code: estimates and intervals for the same draws."""

import json
from pathlib import Path

import polars as pl
import pytest

from evaluation.synthetic import careers, two_models
from laborllm.evaluation import Evaluation, evaluate

RECORDED = json.loads((Path(__file__).parent / "recorded.json").read_text())
NUMBERS = ("estimate", "standard_error", "low", "high")


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    panel = careers(300)
    return evaluate(two_models(panel), panel, by=["transition"], draws=200)


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda row: f"{row['model']}-{row['metric']}-{row['level']}")
def test_a_number_did_not_move(evaluation: Evaluation, recorded: dict[str, float | str | None]) -> None:
    group = "all" if recorded["level"] == "all" else "transition"
    keys = {name: recorded[name] for name in ("model", "metric", "level")}
    if recorded["reference"] is None:
        frame = evaluation.estimates
    else:
        frame, keys = evaluation.comparisons, keys | {name: recorded[name] for name in ("reference", "comparison")}
    (row,) = frame.filter(pl.col("group") == group, *[pl.col(name) == value for name, value in keys.items()]).to_dicts()
    for name in NUMBERS:
        if recorded[name] is not None:
            assert row[name] == pytest.approx(recorded[name], rel=1e-6)

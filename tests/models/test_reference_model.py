"""The script that makes the model that comes with laborllm: what it lets through, and what its card says."""

from dataclasses import replace

import polars as pl
import pytest

import laborllm as ll
from auditing.tables import table_of
from laborllm.auditing.membership import Audit
from laborllm.errors import RunError
from laborllm.occupations.groups import load_groups
from laborllm.panel.pooling import join
from laborllm.panel.rare import pool_rare
from scripts.reference_model import require_no_worse, sections


def audit_of(loss: float, found: float = 0.019, surely: float = 0.0029) -> Audit:
    """An audit whose likelihood has this area, and whose attacks on careers find these shares."""
    share = {"tpr_at_1_percent": found, "tpr_at_0.1_percent": surely}
    table = table_of({"loss": loss, "lira": 0.58}, 0.5)
    known = pl.col("measure").replace_strict(share, default=pl.col("estimate"), return_dtype=pl.Float64)
    return Audit("nemo", "INVENTED", 700, 200, 16, table.with_columns(estimate=known))


def test_what_tells_no_more_than_frequencies_is_let_through() -> None:
    require_no_worse(audit_of(0.53), audit_of(0.54, 0.3, 0.2))


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (audit_of(0.55), "area of 0.5500, frequencies 0.5400"),
        (audit_of(0.53, found=0.021), r"finds 2\.10% \(tpr_at_1_percent\), and may find 2\.00%"),
        (audit_of(0.53, surely=0.0031), r"finds 0\.31% \(tpr_at_0.1_percent\), and may find 0\.30%"),
    ],
)
def test_what_tells_more_is_not(found: Audit, message: str) -> None:
    with pytest.raises(RunError, match=message):
        require_no_worse(found, audit_of(0.54))


def test_the_card_counts_who_was_asked_and_says_how_well_people_held_out_are_forecast() -> None:
    drawn = {name: ll.import_synthetic(workers=250, seed=at) for at, name in enumerate(("NLSY97", "NLSY79"))}
    panel = join([replace(one, dataset=name) for name, one in drawn.items()], "NLSY")
    pooled = pool_rare(panel, load_groups("soc2018", panel.taxonomy))
    counts = ll.fit("transition", panel)
    models = {"this model": counts, "transition frequencies": counts}
    tested = ll.evaluate(models, panel, by=["dataset"], draws=50)
    said = sections(pooled, tested, audit_of(0.53), audit_of(0.54))
    workers = {split: drawn["NLSY79"].subset(split).workers for split in ("train", "valid", "test")}
    assert f"NLSY79: {workers['train']} people trained on, {workers['valid']} to choose" in said["Who was asked"]
    perplexity = tested.row("this model", "perplexity", "dataset", "NLSY97")["estimate"]
    assert f"{perplexity:.2f} (" in said["Test figures"]
    assert f"{sum(map(len, pooled.classes))} occupations" in said["What it does not tell apart"]
    assert "Transition frequencies of the same people" in said["Audit"]
    assert "slope" in said["Calibration"]

"""The screen of the tail: nothing to see in a model that never saw the people, a good deal in one that remembers."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.auditing.tail import screen, tail_of
from laborllm.errors import MissingForecastError, RunError
from laborllm.models.runs.run_folder import read_run, write_section
from laborllm.panel import Panel


class Given:
    """A forecaster whose log-likelihoods are a column of the panel."""

    def log_likelihood(self, panel: Panel, *, scoring: object = None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        return -panel.records["loss"].to_numpy()

    def forecast(self, panel: Panel, *, scoring: object = None) -> ll.Forecast:
        raise NotImplementedError


@pytest.fixture(scope="module")
def panel() -> Panel:
    return ll.import_synthetic(workers=2_000)


def with_losses(panel: Panel, *, remembered: bool) -> Panel:
    """Losses of people, normal around 3; nobody who was trained on has one above 4 where they are remembered."""
    names = panel.records["worker"].unique(maintain_order=True)
    losses = pl.DataFrame({"worker": names, "loss": np.random.default_rng(0).normal(3, 1, len(names))})
    records = panel.records.join(losses, on="worker", maintain_order="left")
    if remembered:
        capped = pl.when(pl.col("split") == "train").then(pl.min_horizontal("loss", 4.0)).otherwise("loss")
        records = records.with_columns(loss=capped - 1e-3 * pl.col("worker").rank("dense").over("split"))
    return panel.with_records(records)


def test_nothing_to_see(panel: Panel) -> None:
    found = tail_of(Given(), with_losses(panel, remembered=False))
    assert found is not None
    assert (found.trained, found.others) == (200, min(200, panel.subset("valid").workers))
    assert found.among_trained == pytest.approx(0.05, abs=0.003)
    assert found.among_others < 0.12


def test_people_who_are_remembered(panel: Panel) -> None:
    seen, clear = (tail_of(Given(), with_losses(panel, remembered=flag)) for flag in (True, False))
    assert seen is not None
    assert clear is not None
    assert seen.among_others > clear.among_others + 0.05


def test_too_few_people_to_say(panel: Panel) -> None:
    valid = panel.records.filter(pl.col("split") == "valid")["worker"].unique(maintain_order=True).head(9)
    keep = (pl.col("split") != "valid") | pl.col("worker").is_in(valid.implode())
    few = panel.with_records(panel.records.filter(keep))
    assert tail_of(Given(), with_losses(few, remembered=False)) is None


def test_every_fit_has_it_in_its_card(panel: Panel, tmp_path: Path) -> None:
    ll.fit("transition", panel.sample(400, seed=0), out=tmp_path / "run")
    card = (tmp_path / "run" / "README.md").read_text()
    assert "The hardest 5 % of 200 careers that it was trained on are as hard for it as the hardest" in card
    assert card.count("## Audit") == 1


def test_a_section_is_replaced_or_added_and_the_run_stays_whole(panel: Panel, tmp_path: Path) -> None:
    run = tmp_path / "run"
    ll.fit("transition", panel.sample(60, seed=0), out=run)
    before = (run / "README.md").read_text()
    write_section(run, "Audit", "Nobody was found.")
    write_section(run, "Whom to ask", "The authors.")
    after = (run / "README.md").read_text()
    assert "## Audit\n\nNobody was found.\n\n## Environment" in after
    assert after.endswith("## Whom to ask\n\nThe authors.\n")
    assert before.split("## Audit")[0] == after.split("## Audit")[0]
    assert read_run(run).model == "transition"


def test_a_model_that_estimates_nothing_is_not_screened() -> None:
    careers = ll.import_synthetic(workers=200)
    assert screen(ll.Oracle().fit(careers), careers) is None
    assert screen(ll.Transition().fit(careers), careers) is not None


class Failing(Given):
    """A fitted model whose forecasts fail."""

    spec = ll.Transition()

    def __init__(self, error: Exception) -> None:
        self.error = error

    def log_likelihood(self, panel: Panel, *, scoring: object = None) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        raise self.error


def test_only_forecasts_that_lack_careers_are_passed_over(panel: Panel) -> None:
    assert screen(Failing(MissingForecastError("the forecast lacks 3 records")), panel) is None  # type: ignore[arg-type]
    with pytest.raises(RunError, match="other weights now"):
        screen(Failing(RunError("the base model has other weights now")), panel)  # type: ignore[arg-type]

"""Models that come with laborllm: found by name, fit to be given away, useful on a machine without data."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import laborllm as ll
from laborllm.errors import RunError
from laborllm.models.registry import load, state_of
from laborllm.models.runs.lineage import UNPUBLISHED
from laborllm.models.runs.shipped import SHIPPED, find_run, shipped_models
from laborllm.panel import Panel, Provenance, assign_split

LISTED = {"README.md", "curve.csv", "run.json", "vocabulary.json", "weights.safetensors"}
FILES = LISTED | {"complete.json", "disclosure.json"}
SECTIONS = ("Who was asked", "Test figures", "Calibration", "Whom it speaks for", "Audit", "Terms of the data")


def test_a_run_released_tells_no_hash_of_people_and_is_not_evaluated_on_them(panel: Panel, tmp_path: Path) -> None:
    fitted = ll.fit("transition", panel)
    replace(fitted, record=fitted.record.released()).save(tmp_path / "run")  # type: ignore[type-var]
    text = (tmp_path / "run" / "run.json").read_text()
    assert panel.fingerprint not in text
    assert panel.held_out not in text
    assert json.loads(text)["record"]["lineage"] == [["INVENTED", UNPUBLISHED]]
    with pytest.raises(RunError, match="does not tell which"):
        load(tmp_path / "run", held_out_by=panel)
    assert load(tmp_path / "run", held_out_by=replace(panel, dataset="OTHER")).spec == fitted.spec


@pytest.mark.parametrize("name", shipped_models())
class TestShipped:
    """Each of them."""

    def test_all_that_is_in_it_may_go_out(self, name: str) -> None:
        listed = json.loads((find_run(Path(name)) / "disclosure.json").read_text())["files"]
        assert set(listed) == LISTED
        assert {output["status"] for outputs in listed.values() for output in outputs} == {"pass"}
        assert load(Path(name)).record.is_released

    def test_it_is_found_where_nothing_else_is(
        self, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(tmp_path)
        assert find_run(Path(name)) == SHIPPED / name
        assert ll.load(name).record.dataset == ll.load(SHIPPED / name).record.dataset
        assert len(state_of(Path(name))) == 64
        ll.fit("transition", ll.import_synthetic(workers=50), out=name)
        assert ll.load(name).spec == ll.Transition()

    def test_a_career_longer_than_it_knows_is_read_from_its_last_records(self, name: str) -> None:
        fitted = ll.load(name)
        last = fitted.record.last_records
        assert last is not None
        rows = [
            {"worker": worker, "year": year, "occupation": "95"}
            for worker, years in (("long", 40), ("short", last))
            for year in range(2026 - years, 2026)
        ]
        nurses = Panel(assign_split(pl.DataFrame(rows)), fitted.record.taxonomy, "NURSES", Provenance("invented"))
        ahead = ll.forecast(fitted, nurses, year=2026)
        np.testing.assert_array_equal(ahead.log_prob[0], ahead.log_prob[1])
        assert ahead.log_prob[0, fitted.record.taxonomy.position["95"]] > np.log(0.7)  # nurses of 40 years stay
        paths = ll.simulate(fitted, nurses, years=[2026, 2027], draws=2)
        np.testing.assert_allclose(paths.probability[:, 0], np.exp(ahead.log_prob), atol=1e-5)
        assert paths.workers["year"].to_list() == [2025, 2025]

    def test_it_is_small_and_nothing_but_parameters_and_words(self, name: str) -> None:
        files = {path.name: path.stat().st_size for path in (SHIPPED / name).iterdir()}
        assert files.keys() == FILES
        assert sum(files.values()) < 5e6
        record = json.loads((SHIPPED / name / "run.json").read_text())["record"]
        assert record["fingerprint"] == record["held_out"] == UNPUBLISHED
        assert {held_out for _, held_out in record["lineage"]} == {UNPUBLISHED}

    def test_its_card_says_who_was_asked_and_what_an_audit_found(self, name: str) -> None:
        card = (SHIPPED / name / "README.md").read_text()
        for title in (
            "Who was asked",
            "Test figures",
            "Calibration",
            "Whom it speaks for",
            "Audit",
            "Terms of the data",
        ):
            assert f"## {title}\n" in card
        assert "LiRA" in card

    def test_it_forecasts_and_simulates_people_it_was_never_told_of(self, name: str) -> None:
        people = ll.import_synthetic(workers=30)
        coarse = ll.load(name).record.over(people)
        found = ll.forecast(name, coarse, year=2031)
        assert np.exp(found.log_prob).sum(axis=1) == pytest.approx(1, rel=1e-4)
        assert np.isfinite(found.log_prob).all()
        paths = ll.simulate(ll.load(name), coarse, years=[2031, 2032], draws=20, seed=0)
        assert len(paths.workers) == 30

    def test_it_knows_more_than_which_occupations_are_common(self, name: str) -> None:
        """People who stay get a high probability for it: the forecast follows the career."""
        people = ll.import_synthetic(workers=30)
        found = ll.load(name).forecast(people)
        likely = pl.Series(np.exp(found.log_prob).max(axis=1))
        assert float(likely.mean()) > 0.4  # type: ignore[arg-type]

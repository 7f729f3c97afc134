"""The whole demo with a base model of two layers: first results come first, and a budget decides the results."""

from functools import partial
from pathlib import Path

import pytest

from laborllm import load
from laborllm.cli.places import TO_DEMO
from laborllm.demo import Budget, run, run_demo
from laborllm.errors import StorageError
from laborllm.lm.tuning.config import TuningConfig
from laborllm.sources import import_nlswork

Capture = pytest.CaptureFixture[str]


def steps(said: str) -> list[str]:
    return [line.split("]")[0] + "]" for line in said.splitlines() if line.startswith("[")]


@pytest.mark.slow
def test_demo_shows_counted_results_before_the_language_model(
    base_folder: Path, tmp_path: Path, capfd: Capture
) -> None:
    training = TuningConfig(batch_size=1, validate_every=2)
    budget = Budget(str(base_folder), training_careers=4, validation_careers=2, test_careers=12, training=training)
    found = run_demo(tmp_path / "demo", budget=budget)
    said = capfd.readouterr()
    first, second = said.out.index("5,365 records of 901 workers"), said.out.index("of 12 workers")
    assert first < second
    assert steps(said.err) == ["[1/5]", "[2/5]", "[4/5]", "[5/5]", "[done]"]
    assert set(found.ranking) == {"transition", "transition, 4", "off the shelf", "fine-tuned"}
    assert load(tmp_path / "demo" / "fine-tuned").record.workers == 4
    page = (tmp_path / "demo" / "report.html").read_text("utf-8")
    assert "tuned on 4 careers, of 220 on a faster machine" in page
    again = run_demo(tmp_path / "again", budget=budget)
    assert again.estimates.equals(found.estimates)


@pytest.mark.slow
def test_a_machine_that_is_too_slow_counts(
    base_folder: Path, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables of counting are those of all test women, and the page says why there is no language model."""
    monkeypatch.setattr(run, "Budget", partial(Budget, str(base_folder)))
    found = run_demo(tmp_path / "demo", limit=0)
    said = capfd.readouterr().err
    assert steps(said) == ["[1/5]", "[2/5]", "[3/5]", "[5/5]", "[done]"]
    assert "this machine is too slow for a language model in 0 minutes: counting only" in said
    assert list(found.ranking) == ["transition"]
    assert len(load(tmp_path / "demo" / "transition").forecast(import_nlswork().subset("test")).records) == 5365
    assert not (tmp_path / "demo" / "fine-tuned").exists()
    page = (tmp_path / "demo" / "report.html").read_text("utf-8")
    assert "this machine is too slow for one in the time there is" in page
    TO_DEMO.require(tmp_path / "demo")
    assert run_demo(tmp_path / "demo", limit=0).estimates.equals(found.estimates)
    assert [path.name for path in tmp_path.iterdir()] == ["demo"]
    (tmp_path / "demo" / "notes.txt").write_text("by hand")
    with pytest.raises(StorageError, match="exists already"):
        run_demo(tmp_path / "demo", limit=0)


@pytest.mark.slow
def test_a_demo_in_time_keeps_the_whole_budget(
    base_folder: Path, tmp_path: Path, capfd: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it does with that budget given: what was measured on the way decides nothing else."""
    training = TuningConfig(batch_size=1, validate_every=2)
    small = partial(Budget, str(base_folder), 4, 2, 12, training)
    monkeypatch.setattr(run, "Budget", small)
    found = run_demo(tmp_path / "demo", limit=3000)
    assert steps(capfd.readouterr().err) == ["[1/5]", "[2/5]", "[3/5]", "[4/5]", "[5/5]", "[done]"]
    assert found.estimates.equals(run_demo(tmp_path / "again", budget=small()).estimates)

"""A study fits each baseline once per seed, keeps what is complete, and puts all of them into one table."""

import csv
import dataclasses
import json
import math
import shutil
from pathlib import Path

import pytest

from cli.commands import laborllm
from laborllm.errors import RunError
from laborllm.models.counts.specs import Transition
from laborllm.models.registry import MODELS
from laborllm.models.runs.run_folder import read_run
from laborllm.models.sequence.specs import BagOfJobs
from laborllm.panel import Panel
from laborllm.storage import MARKER
from laborllm.studies.baselines import BASELINES, Study, study_baselines
from laborllm.studies.baselines_report import baseline_tables, write_study

FEW = ("two-part", "bag-of-jobs", "mixture")
READ_EVERY_TITLE = {"off-the-shelf", "language-model"}
ASKED_FOR = {"oracle", "embedding-logit", "title-head"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("studies") / "few"


@pytest.fixture(scope="module")
def study(panel: Panel, folder: Path) -> Study:
    return study_baselines(panel, folder, baselines=FEW, seeds=(0, 1), draws=40)


def perplexity(study: Study, run: str) -> float:
    return float(study.runs.filter(run=run)["perplexity"].item())


def test_every_model_is_a_baseline_but_those_that_spell_titles() -> None:
    assert {baseline.model for baseline in BASELINES.values()} == set(MODELS) - READ_EVERY_TITLE


def test_runs_are_those_of_fits_one_by_one(study: Study, folder: Path, panel: Panel) -> None:
    runs = ["two-part", "bag-of-jobs-0", "mixture-0", "bag-of-jobs-1", "mixture-1"]
    assert study.runs["run"].to_list() == runs
    test = panel.subset("test")
    for run, model in (("two-part", Transition()), ("bag-of-jobs-1", BagOfJobs())):
        expected = -model.fit(panel, seed=1).log_likelihood(test).mean()
        assert perplexity(study, run) == pytest.approx(math.exp(expected), rel=1e-5)
    options = read_run(folder / "mixture-1").options
    assert {(folder / "mixture-1" / member).resolve().name for member in options["members"]} == {
        "two-part",
        "bag-of-jobs-1",
    }


def test_the_evaluation_is_of_the_first_seed(study: Study, panel: Panel) -> None:
    """Each model once, and what is said of it is what it was fitted on."""
    found = study.evaluation
    assert set(found.ranking) == set(found.about) == set(FEW)
    estimate = found.row("bag-of-jobs", "perplexity")["estimate"]
    assert estimate == perplexity(study, "bag-of-jobs-0") != perplexity(study, "bag-of-jobs-1")
    train, valid = (panel.subset(split).workers for split in ("train", "valid"))
    assert found.about == {
        "two-part": f"transition, fitted on {train} careers of split train",
        "bag-of-jobs": f"bag-of-jobs, seed 0, fitted on {train} careers of split train",
        "mixture": f"mixture, seed 0, weights fitted on {valid} careers of split valid",
    }


def test_tables_have_a_row_per_model(study: Study) -> None:
    perplexities, areas, fits = baseline_tables(study)
    for table in (perplexities, areas, fits):
        assert {row[0] for row in table.rows} == set(FEW)
    assert perplexities.header == (
        "model",
        "perplexity (s.e.)",
        "first",
        "stay",
        "move",
        "ratio",
        "95 % interval",
        "2 seeds",
    )
    by_model = {row[0]: row for row in perplexities.rows}
    seeds = [perplexity(study, f"bag-of-jobs-{seed}") for seed in (0, 1)]
    assert by_model["bag-of-jobs"][1].startswith(f"{seeds[0]:.2f} (")
    assert by_model["bag-of-jobs"][5] == f"{seeds[0] / perplexity(study, 'two-part'):.3f}"
    assert by_model["bag-of-jobs"][-1] == f"{min(seeds):.2f} to {max(seeds):.2f}"
    assert by_model["two-part"][5:] == ("1", "", "")
    minutes = study.runs["processor_minutes"]
    assert minutes.null_count() == 0
    assert minutes.max() < 1  # type: ignore[operator]


def test_what_is_complete_is_kept(study: Study, folder: Path, panel: Panel, tmp_path: Path) -> None:
    """After an interruption only what is missing is fitted, and it comes out as before."""
    again = Path(shutil.copytree(folder, tmp_path / "again"))
    shutil.rmtree(again / "bag-of-jobs-1")
    shutil.rmtree(again / "mixture-1")
    kept = {run: (again / run / MARKER).stat().st_mtime_ns for run in ("two-part", "bag-of-jobs-0", "mixture-0")}
    found = study_baselines(panel, again, baselines=FEW, seeds=(0, 1), draws=40)
    assert kept == {run: (again / run / MARKER).stat().st_mtime_ns for run in kept}
    assert found.evaluation.estimates.equals(study.evaluation.estimates)
    shutil.rmtree(again / "bag-of-jobs-0")
    one_seed = study_baselines(panel, again, baselines=FEW, seeds=(1,), draws=40)
    assert not (again / "bag-of-jobs-0").exists()
    assert baseline_tables(one_seed)[0].header[-1] == "95 % interval"


def test_a_folder_of_another_study_is_refused(study: Study, folder: Path, panel: Panel) -> None:
    other = dataclasses.replace(panel, records=panel.records.head(200))
    with pytest.raises(RunError, match="two-part holds another model, panel or seed: remove it"):
        study_baselines(other, folder, baselines=FEW)


def test_everything_is_written(study: Study, tmp_path: Path) -> None:
    write_study(study, tmp_path, title="A study", facts={})
    with (tmp_path / "perplexity.csv").open() as file:
        assert tuple(next(csv.reader(file))) == baseline_tables(study)[0].header
    assert r"\toprule" in (tmp_path / "auc.tex").read_text()
    assert len(json.loads((tmp_path / "evaluation.json").read_text())["estimates"]) == study.evaluation.estimates.height
    assert "The models side by side" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--models two-part nmo", "unknown baseline nmo: use oracle, plain, two-part,"),
        ("--models logit", "the reference 'two-part' is not among the models: use logit"),
        ("--models mixture --reference mixture", "a mixture needs other models to mix"),
        ("--models two-part --seeds 1 1", "a study needs seeds that differ, one or more, not [1, 1]"),
        ("--models two-part oracle", "the data-generating process of INVENTED is not known"),
    ],
)
def test_mistakes(options: str, message: str, panel: Panel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel.save(tmp_path / "panel.parquet")
    assert laborllm(f"study baselines {tmp_path}/panel.parquet --out {tmp_path}/study {options}") == 2
    assert message in capsys.readouterr().err


def test_on_the_command_line(panel: Panel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By default all baselines but the oracle take part."""
    panel.save(tmp_path / "panel.parquet")
    assert laborllm(f"study baselines {tmp_path}/panel.parquet --out {tmp_path}/study --draws 40") == 0
    shown = capsys.readouterr().out
    assert all(f"\n{name} " in shown for name in set(BASELINES) - ASKED_FOR)

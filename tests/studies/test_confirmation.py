"""Plan, confirmation and package: frozen, opened once, and without a record of any person."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cli.commands import laborllm
from laborllm.errors import OptionError, RunError, SourceError, StorageError
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel, assign_split
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic
from laborllm.studies.confirmation.confirm import confirm
from laborllm.studies.confirmation.plan import hash_of, make_plan, read_plan
from laborllm.studies.protocol import config
from laborllm.studies.protocol.config import SIZES, StudyFile
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Resplit, Version
from laborllm.studies.questions.registry import QUESTIONS
from laborllm.studies.run import open_study, run_study

SMALL = replace(
    SIZES["smoke"], models=("two-part", "plain", "career"), seeds=(0,), folds=3, repeats=2, draws=60, synthetic=None
)
PLAIN = Transition("plain")
SECRET = "person-named-"  # begins every worker's name


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(config.SIZES, "cpu", SMALL)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A study of one panel of its own, whose workers have names that would be noticed."""
    panel = import_synthetic(150, load_taxonomy("nlswork").with_states(DRAWN_STATES), seed=2)
    named = panel.records.drop("split").with_columns(
        worker=SECRET + pl.col("worker"), household=pl.col("worker").rank("dense") // 2
    )
    records = assign_split(named, by="household")
    replace(panel, records=records, dataset="OWN", split_by="household").save(tmp_path / "own.parquet")
    (tmp_path / "study.yaml").write_text(f"title: Own\npanels: {{OWN: {tmp_path / 'own.parquet'}}}\nquestions: [13]\n")
    return tmp_path / "study.yaml"


def test_a_plan_is_frozen(file: Path, tmp_path: Path) -> None:
    study, out = open_study(file, tmp_path / "study", size="cpu"), tmp_path / "plan.json"
    plan = make_plan(study, "cpu", list(QUESTIONS), out)
    assert read_plan(out) == plan
    assert len(plan["questions"]) == 13
    assert len(set(plan["seeds"])) == SMALL.repeats
    assert set(plan["models"]) == {"two-part", "plain", "career", "mixture", "mixture-varying"}
    assert make_plan(study, "cpu", list(QUESTIONS), out) == plan == read_plan(out)  # as after a kill in its last moment
    for questions, seed in (([QUESTIONS[0]], None), (list(QUESTIONS), plan["seeds"][0] + 1)):
        with pytest.raises(StorageError, match="a plan is made once"):
            make_plan(study, "cpu", questions, out, seed=seed)
    other = make_plan(study, "cpu", list(QUESTIONS), tmp_path / "other.json")
    assert other["seeds"] != plan["seeds"]  # with a chance of less than one in two thousand million
    out.write_text(out.read_text().replace(str(plan["seeds"][0]), str(plan["seeds"][0] + 1)))
    with pytest.raises(RunError, match=r"was changed after it was frozen"):
        read_plan(out)
    with pytest.raises(RunError, match="no plan at"):
        read_plan(tmp_path / "absent.json")
    (tmp_path / "bad.json").write_text("[]")
    with pytest.raises(RunError, match="is no plan of a study"):
        read_plan(tmp_path / "bad.json")


def by_hand(study: Study, spec: Spec, seed: int) -> pl.DataFrame:
    """The loss of every record under one way to draw the folds, fitted and forecast fold by fold."""
    losses = []
    for fold in range(SMALL.folds):
        panel = study.panel(Version("OWN", (Resplit(seed, fold, SMALL.folds),)))
        test = panel.subset("test")
        loss = pl.Series("loss", -spec.fit(panel).log_likelihood(test))
        losses.append(test.records.select("worker", "year").with_columns(loss))
    return pl.concat(losses).sort("worker", "year")


@pytest.mark.slow
def test_a_confirmation_holds_everyone_out_once_in_a_repeat(file: Path, tmp_path: Path) -> None:
    """Its perplexities are those of fits and forecasts by hand; it is opened once, and says when."""
    study = open_study(file, tmp_path / "study", size="cpu")
    plan = make_plan(study, "cpu", list(QUESTIONS), tmp_path / "plan.json", seed=7)
    assert plan["seeds"] == [7, 8]
    found = confirm(tmp_path / "plan.json", tmp_path / "confirmed")
    rows = {row[0]: row for row in found.tables["OWN"].rows}
    assert set(rows) == set(plan["models"])
    two_part, plain = ([by_hand(study, spec, seed)["loss"] for seed in (7, 8)] for spec in (Transition(), PLAIN))
    assert {len(loss) for loss in (*two_part, *plain)} == {len(study.panel("OWN"))}
    means = [float(np.mean(losses)) for losses in (two_part, plain)]
    assert rows["two-part"][1].startswith(f"{math.exp(means[0]):.2f} (")
    assert rows["plain"][2].startswith(f"{math.exp(means[1] - means[0]):.3f} (")
    repeats = sorted(math.exp(np.mean(loss.to_numpy())) for loss in two_part)
    assert rows["two-part"][-1] == f"{repeats[0]:.2f} to {repeats[1]:.2f}"
    assert rows["two-part"][2] == rows["career"][3] == "1"
    assert "3 folds by household, drawn 2 times, seeds 7 and 8" in found.tables["OWN"].note
    said = json.loads((tmp_path / "confirmed" / "confirmation" / "confirmation.json").read_text())
    assert said["plan"] == found.plan["hash"]
    note = (tmp_path / "plan.json.opened.json").read_text()
    assert confirm(tmp_path / "plan.json", tmp_path / "confirmed") == found  # as after a kill in its last moment
    assert (tmp_path / "plan.json.opened.json").read_text() == note
    with pytest.raises(RunError, match=f"the plan was opened on {found.opened[:10]}.* it is confirmed once"):
        confirm(tmp_path / "plan.json", tmp_path / "again")


def test_another_panel_is_not_confirmed(file: Path, tmp_path: Path) -> None:
    study = open_study(file, tmp_path / "study", size="cpu")
    make_plan(study, "cpu", list(QUESTIONS), tmp_path / "plan.json")
    panel = Panel.load(tmp_path / "own.parquet")
    panel.part(panel.records.head(900)).save(tmp_path / "own.parquet")
    with pytest.raises(RunError, match="the panel OWN is another one than when the plan was made"):
        confirm(tmp_path / "plan.json", tmp_path / "confirmed")
    assert not (tmp_path / "plan.json.opened.json").exists()


def test_a_package_has_no_record_of_a_person(file: Path, tmp_path: Path) -> None:
    study, package = tmp_path / "study", tmp_path / "package"
    options = f"{file} --study {study}"
    assert laborllm(f"study package {options} --out {package}") == 2  # nothing was answered yet
    run_study(file, study, size="cpu", questions=[1, 5, 8, 13])
    assert laborllm(f"study plan {options} --out {tmp_path / 'plan.json'}") == 0
    assert laborllm(f"study package {options} --out {package} --plan {tmp_path / 'plan.json'}") == 0
    files = [path for path in package.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert {path.suffix for path in files} <= {".md", ".json", ".csv", ".tex", ".svg", ".html", ".txt", ".yaml", ".sh"}
    assert any(SECRET.encode() in path.read_bytes() for path in study.rglob("*.parquet"))  # it would have been noticed
    text = (package / "README.md").read_text()
    for section in (
        "Data availability",
        "Dataset citations",
        "Computational requirements",
        "Instructions to",
        "List of",
    ):
        assert section in text
    assert "`tables/01-models-*`, `figures/01-models-*` | `laborllm/studies/questions/forecasts/models.py`" in text
    about = json.loads((package / "panels.json").read_text())["OWN"]
    assert about["fingerprint"] == Panel.load(tmp_path / "own.parquet").fingerprint
    assert StudyFile.load(package / "study.yaml").title == "Own"
    assert "polars==" in (package / "requirements.txt").read_text()


def test_a_panel_split_otherwise_is_not_confirmed(file: Path, tmp_path: Path) -> None:
    """By worker, folds would part siblings: the records are the same, and what the split is by is not."""
    make_plan(open_study(file, tmp_path / "study", size="cpu"), "cpu", list(QUESTIONS), tmp_path / "plan.json")
    replace(Panel.load(tmp_path / "own.parquet"), split_by="worker").save(tmp_path / "own.parquet")
    with pytest.raises(RunError, match="the panel OWN is another one than when the plan was made"):
        confirm(tmp_path / "plan.json", tmp_path / "confirmed")


@pytest.mark.parametrize("name", ["../own", "/own", "a/b", "a\0b", "a\x1b[2Jb"])
def test_no_name_of_a_panel_leads_out_of_the_folder(name: str) -> None:
    with pytest.raises(SourceError, match="a panel cannot be called"):
        StudyFile("Own", {name: "own.parquet"})


def test_a_plan_of_models_that_nobody_knows_is_refused(file: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    plan = make_plan(open_study(file, tmp_path / "study", size="cpu"), "cpu", list(QUESTIONS), out)
    changed = {name: stated for name, stated in plan.items() if name != "hash"}
    changed["study"] = plan["study"] | {"models": ["two-part", "other"]}
    out.write_text(json.dumps(changed | {"hash": hash_of(changed)}))
    with pytest.raises(OptionError, match="unknown model 'other'"):
        confirm(out, tmp_path / "confirmed")


@pytest.mark.parametrize(
    ("entry", "value"),
    [("folds", "3"), ("folds", 1), ("seeds", []), ("seeds", [0.5]), ("study", []), ("fingerprints", {}), ("title", 1)],
)
def test_a_plan_of_other_kinds_is_none(entry: str, value: object, file: Path, tmp_path: Path) -> None:
    out = tmp_path / "plan.json"
    plan = make_plan(open_study(file, tmp_path / "study", size="cpu"), "cpu", list(QUESTIONS), out)
    changed = {name: stated for name, stated in plan.items() if name != "hash"} | {entry: value}
    out.write_text(json.dumps(changed | {"hash": hash_of(changed)}))
    with pytest.raises(RunError, match="is no plan of a study"):
        read_plan(out)

"""The verbs do what the library does: fitted, forecast and evaluated from the command line."""

import json
import os
import signal
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from torch import Tensor

import laborllm as ll
from cli.commands import laborllm
from laborllm.cli.fitting import fit
from laborllm.errors import InputError
from laborllm.evaluation import evaluate
from laborllm.forecasting.engines.to_file import forecast_to_file
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.language.off_the_shelf import FittedOffTheShelf
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.oracle import Oracle
from laborllm.models.registry import MODELS, load
from laborllm.models.runs.run_folder import read_run
from laborllm.models.sequence.network import NextOccupation
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.panel import Panel, assign_split
from laborllm.text import Template

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Spec, dict[str, Any]]]:
    """The specs that would have been fitted, and how."""
    found: list[tuple[Spec, dict[str, Any]]] = []

    def fit_nothing(spec: Spec, panel: Path, **options: Any) -> None:
        found.append((spec, {"panel": panel, **options}))
        raise InputError("nothing is fitted here")

    monkeypatch.setattr("laborllm.api.fit", fit_nothing)
    return found


Asked = list[tuple[Spec, dict[str, Any]]]


@pytest.mark.parametrize(
    "spec",
    [
        Oracle(),
        Transition(),
        Logit(),
        BagOfJobs(),
        Nemo(),
        Career(),
        OffTheShelf(),
        LanguageModel(),
        TitleHead(),
        EmbeddingLogit(),
        Mixture((Path("a"), Path("b"))),
    ],
    ids=lambda spec: str(spec.name),
)
def test_options_default_to_those_of_the_spec(spec: Spec, asked: Asked) -> None:
    members = " ".join(map(str, getattr(spec, "members", ())))
    laborllm(f"fit {spec.name} {members} panel.parquet --out run")
    assert [found for found, _ in asked] == [spec]


def test_every_model_can_be_fitted() -> None:
    assert {name for name in fit.fit if not name.startswith("-")} == set(MODELS)


def test_options_reach_the_spec(asked: Asked) -> None:
    command = "fit language-model panel.parquet --out run --base b --titles numeric --valid-careers 8 --last-records 5"
    left_out = "--leave-out birth-year demographics"
    options = "--method full --epochs 3 --learning-rate 2e-5"
    laborllm(f"{command} {options} {left_out}")
    written = Template("numeric", ("birth-year", "demographics"), last_records=5)
    training = TuningConfig(method="full", epochs=3, learning_rate=2e-5)
    assert asked[0][0] == LanguageModel("b", written, valid_careers=8, training=training)


@pytest.mark.parametrize(
    ("options", "training"),
    [
        ("--preset paper --epochs 1", TuningConfig.preset("paper", epochs=1)),
        ("--method full", TuningConfig(method="full")),
        ("--preset head", TuningConfig.preset("head")),
        ("--recompute --shard", TuningConfig(recompute=True, shard=True)),
    ],
)
def test_presets_are_what_is_not_typed(options: str, training: TuningConfig, asked: Asked) -> None:
    laborllm(f"fit language-model panel.parquet --out run {options}")
    assert asked[0][0] == LanguageModel(training=training)


def test_options_leave_the_other_defaults_of_a_head(asked: Asked) -> None:
    laborllm("fit title-head panel.parquet --out run --epochs 3 --no-history-features")
    assert asked[0][0] == TitleHead(history_features=False, training=TuningConfig.preset("head", epochs=3))


def test_options_reach_the_sequence_models(asked: Asked) -> None:
    shape = "--layers 12 --width 192 --heads 3 --dropout 0.1"
    laborllm(f"fit career panel.parquet --out run {shape} --pretrained old --titles b --epochs 3")
    training = replace(Career().training, epochs=3)
    spec = Career(training, layers=12, width=192, heads=3, dropout=0.1, pretrained=Path("old"), titles="b")
    assert asked[0][0] == spec


def test_a_fit_says_what_it_wrote(capsys: Capture) -> None:
    """And makes the folder that it is to lie in."""
    assert laborllm("fit transition panel.parquet --out new/run") == 0
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("new/run: transition model of 7 occupations, fitted on ")
    assert laborllm("fit logit panel.parquet --epochs 1 --out new/logit") == 0
    assert "of INVENTED; validation perplexity " in capsys.readouterr().err


def test_fit_then_forecast_is_what_the_library_does(panel: Panel) -> None:
    assert laborllm("fit transition panel.parquet --variant plain --out run") == 0
    assert laborllm("forecast run panel.parquet --out forecast.parquet") == 0
    expected = Transition(variant="plain").fit(panel, seed=0).forecast(panel)
    np.testing.assert_array_equal(Forecast.load(Path("forecast.parquet")).log_prob, expected.log_prob)


def test_pruned_scores_carry_their_bound(panel: Panel, base_folder: Path, capsys: Capture) -> None:
    assert laborllm(f"fit off-the-shelf panel.parquet --base {base_folder} --out run") == 0
    for scoring in ("tree", "pruned --tolerance 0.6"):
        assert laborllm(f"forecast run panel.parquet --scoring {scoring} --out {scoring[:4]}.parquet") == 0
    exact, pruned = Forecast.load(Path("tree.parquet")), Forecast.load(Path("prun.parquet"))
    assert exact.error_bound is None
    assert pruned.error_bound is not None
    distance = np.abs(np.exp(exact.log_prob) - np.exp(pruned.log_prob)).sum(axis=1) / 2
    assert (distance <= pruned.error_bound + 1e-6).all()
    assert distance.max() > 0
    off = np.abs(exact.log_likelihood - pruned.log_likelihood)
    assert (off <= -np.log1p(-pruned.error_bound) + 1e-5).all()  # the observed title is always resolved
    assert laborllm("evaluate run panel.parquet --scoring pruned --tolerance 0.6 --workers 10") == 0
    assert "Exact but for: run within a factor of 1." in capsys.readouterr().out


def test_eight_bits_are_used_only_where_they_cost_little(panel: Panel, base_folder: Path, capsys: Capture) -> None:
    pytest.importorskip("torchao")
    assert laborllm(f"fit off-the-shelf panel.parquet --base {base_folder} --out run") == 0
    forecast = "forecast run panel.parquet --workers 8 --scoring-weights 8-bit --out forecast.parquet"
    assert laborllm(f"{forecast} --max-tv 0") == 2
    assert "more than 0.0 on average is refused" in capsys.readouterr().err.splitlines()[-1]
    assert laborllm(f"{forecast} --max-tv 1 --max-log-ppl-shift 0") == 2
    assert "beyond times 1.0000 to 1.0000 is refused" in capsys.readouterr().err.splitlines()[-1]
    assert not Path("forecast.parquet").exists()
    assert laborllm(f"{forecast} --max-tv 2") == 2
    assert "total variation from 0 to 1, not 2.0" in capsys.readouterr().err
    assert laborllm(f"{forecast} --max-log-ppl-shift -1") == 2
    assert "in nats, from zero, not -1.0" in capsys.readouterr().err


def test_a_forecast_of_a_year_has_a_row_for_each_worker(panel: Panel, capsys: Capture) -> None:
    assert laborllm("fit transition panel.parquet --out run") == 0
    assert laborllm("forecast run panel.parquet --year 2020 --out next.parquet") == 0
    found, opened = Forecast.load(Path("next.parquet")), panel.open(years=[2020])
    assert found.records["worker"].to_list() == panel.records["worker"].unique(maintain_order=True).to_list()
    assert (set(found.records["year"]), found.records["occupation"].null_count()) == ({2020}, panel.workers)
    expected = load(Path("run")).forecast(opened).log_prob[opened.records["occupation"].is_null().to_numpy()]
    np.testing.assert_array_equal(found.log_prob, expected)
    assert laborllm("forecast run panel.parquet --year 1991 --out past.parquet") == 2
    said = capsys.readouterr().err
    assert "a record can be opened only after the last of its career: ask for a later year" in said
    assert "--as-of" in said


def test_an_interrupted_forecast_goes_on_where_it_stopped(
    panel: Panel, base_folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    """Interrupted after each of two shards, the result is the same bytes; shards of another forecast are refused."""
    in_shards = partial(forecast_to_file, records=len(panel) // 3)
    monkeypatch.setattr("laborllm.forecasting.engines.to_file.forecast_to_file", in_shards)
    assert laborllm(f"fit off-the-shelf panel.parquet --base {base_folder} --out run") == 0
    assert laborllm("forecast run panel.parquet --out whole.parquet") == 0
    scored: list[int] = []
    whole = FittedOffTheShelf.forecast

    def one_shard_only(model: FittedOffTheShelf, panel: Panel, *, scoring: ScoringOptions) -> Forecast:
        if scored and scored.pop():
            raise KeyboardInterrupt
        scored.append(len(panel))
        return whole(model, panel, scoring=scoring)

    monkeypatch.setattr(FittedOffTheShelf, "forecast", one_shard_only)
    assert [laborllm("forecast run panel.parquet --out parts.parquet") for _ in range(2)] == [130, 130]
    kept = "parts.parquet.shards keeps the parts that are ready: the same command resumes from there"
    assert capsys.readouterr().err.endswith(f"laborllm: interrupted: {kept}\n")
    assert len(list(Path("parts.parquet.shards").glob("0*.parquet"))) == 2
    assert not Path("parts.parquet").exists()
    monkeypatch.setattr(FittedOffTheShelf, "forecast", whole)
    capsys.readouterr()
    assert laborllm("forecast run panel.parquet --scoring pruned --out parts.parquet") == 2
    assert "parts.parquet.shards holds parts of another result" in capsys.readouterr().err
    assert laborllm("forecast run panel.parquet --out parts.parquet") == 0
    assert Path("parts.parquet").read_bytes() == Path("whole.parquet").read_bytes()
    assert not Path("parts.parquet.shards").exists()


def test_careers_limits_the_training_alone(panel: Panel) -> None:
    assert laborllm("fit transition panel.parquet --careers 5 --out run") == 0
    assert read_run(Path("run")).record.workers == 5 < panel.subset("train").workers


def test_evaluate_is_what_the_library_does(panel: Panel, base_folder: Path, capsys: Capture) -> None:
    """From fitting to the report, with a language model small enough to fine-tune in a moment."""
    small = f"--base {base_folder} --careers 8 --valid-careers 4"
    assert laborllm("fit transition panel.parquet --out counts") == 0
    assert laborllm(f"fit language-model panel.parquet {small} --out tuned") == 0
    command = "evaluate counts tuned panel.parquet --workers 11 --draws 50 --seed 3 --reference tuned"
    capsys.readouterr()
    assert laborllm(f"{command} --out report.html --tables tables --json") == 0
    models = {name: load(Path(name)) for name in ("counts", "tuned")}
    by = ["transition", "origin", "destination"]
    expected = evaluate(models, panel, workers=11, by=by, draws=50, seed=3, reference="tuned")
    assert json.loads(capsys.readouterr().out) == json.loads(expected.to_json())
    report = Path("report.html").read_text()
    assert "counts" in report
    assert "tuned" in report

    assert laborllm(f"{command} --likelihood-only") == 0
    assert "counts" in capsys.readouterr().out

    for name in ("counts", "tuned"):
        assert laborllm(f"forecast {name} panel.parquet --split test --out {name}.parquet") == 0
    from_files = command.replace("counts tuned", "counts.parquet tuned.parquet")
    capsys.readouterr()
    assert laborllm(f"{from_files} --json") == 0
    again = json.loads(capsys.readouterr().out)["estimates"]
    for row in again:
        if row["metric"] == "perplexity" and row["group"] == "all":
            assert row["estimate"] == pytest.approx(expected.row(row["model"], "perplexity")["estimate"], rel=1e-4)


def test_runs_of_one_name_are_refused(capsys: Capture) -> None:
    Path("a").mkdir()
    Path("b").mkdir()
    assert laborllm("fit transition panel.parquet --out a/run") == 0
    assert laborllm("fit transition panel.parquet --out b/run") == 0
    assert laborllm("evaluate a/run b/run panel.parquet") == 2
    assert "two runs are called run" in capsys.readouterr().err
    assert laborllm("evaluate first=a/run second=b/run panel.parquet --draws 40 --by gender --all-pairs --json") == 0
    found = json.loads(capsys.readouterr().out)["estimates"]
    assert {row["model"] for row in found} == {"first", "second"}
    assert {row["group"] for row in found} == {"all", "gender"}


def test_a_run_of_another_split_is_refused(panel: Panel, capsys: Capture) -> None:
    assert laborllm("fit transition panel.parquet --out run") == 0
    Panel(assign_split(panel.records.drop("split"), seed=1), panel.taxonomy, panel.dataset, panel.provenance).save(
        Path("other.parquet")
    )
    assert laborllm("evaluate run other.parquet") == 2
    assert "fitted on another split of INVENTED" in capsys.readouterr().err
    elsewhere = Panel(panel.records, panel.taxonomy, "ELSEWHERE", panel.provenance)
    elsewhere.save(Path("elsewhere.parquet"))
    assert laborllm("evaluate run elsewhere.parquet --draws 50") == 0


def test_torn_run_is_refused(capsys: Capture) -> None:
    assert laborllm("fit transition panel.parquet --out run") == 0
    (Path("run") / "weights.safetensors").write_bytes(b"")
    assert laborllm("forecast run panel.parquet --out forecast.parquet") == 2
    assert "does not have the hash" in capsys.readouterr().err
    assert not Path("forecast.parquet").exists()


def test_models_are_listed(capsys: Capture) -> None:
    assert laborllm("models --json") == 0
    listed = json.loads(capsys.readouterr().out)
    assert {model["name"] for model in listed["models"]} == set(MODELS)
    assert all("Takes " in model["about"] for model in listed["models"])
    assert "smollm2-135m" in {base["name"] for base in listed["base_models"]}
    (fitted,) = listed["fitted"]
    assert fitted["name"] == "nlsy"
    assert fitted["about"].endswith("workers of NLSY79 and NLSY97")
    assert laborllm("models") == 0
    assert "language-model" in capsys.readouterr().out


def test_learning_curves_of_several_runs_are_one_figure(tmp_path: Path, capsys: Capture) -> None:
    panel, config = ll.import_synthetic(workers=60), ll.TrainingConfig(2, 16, 1e-2, validate_every=16)
    for name, layers in (("shallow", 1), ("deep", 2)):
        ll.fit("career", panel, width=8, layers=layers, training=config, out=tmp_path / name)
    ll.fit("transition", panel, out=tmp_path / "counted")
    assert laborllm(f"curves {tmp_path / 'shallow'} {tmp_path / 'deep'} --out {tmp_path / 'two.svg'}") == 0
    drawn = (tmp_path / "two.svg").read_text()
    assert drawn.startswith("<svg")
    assert "shallow" in drawn
    assert "deep" in drawn
    assert laborllm(f"curves {tmp_path / 'counted'} --out {tmp_path / 'one.svg'}") == 2
    assert "counted has no curve.csv" in capsys.readouterr().err
    assert not (tmp_path / "one.svg").exists()


def test_a_tuned_model_is_exported_and_begins_another_fit(base_folder: Path, capsys: Capture) -> None:
    small = "--careers 8 --valid-careers 4"
    assert laborllm(f"fit language-model panel.parquet --base {base_folder} {small} --out tuned") == 0
    assert laborllm("export model tuned --out exported") == 0
    assert laborllm("export model tuned --adapter --out adapter") == 0
    assert not Path("exported/adapter_config.json").exists()
    assert not Path("adapter/model.safetensors").exists()
    assert laborllm(f"fit language-model panel.parquet --base exported {small} --out again") == 0
    assert laborllm("export model nowhere --out other") == 2
    assert "no folder at nowhere" in capsys.readouterr().err


def test_an_interrupted_fit_says_how_it_resumes(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """And the same command does so."""
    loss, left = NextOccupation.loss, iter(range(12))

    def loss_until_interrupted(task: NextOccupation, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        if next(left, None) is None:
            raise KeyboardInterrupt
        return loss(task, batch)

    command = "fit nemo panel.parquet --epochs 4 --batch-size 8 --validate-every 16 --out new/run"
    with monkeypatch.context() as patch:
        patch.setattr(NextOccupation, "loss", loss_until_interrupted)
        assert laborllm(command) == 130
    kept = "new/run.training keeps what was trained: the same command resumes from there"
    assert capsys.readouterr().err == f"laborllm: interrupted: {kept}\n"
    assert laborllm(command) == 0
    assert not Path("new/run.training").exists()


def test_a_terminated_fit_says_how_it_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    """And SIGTERM means afterwards what it meant before."""
    before = signal.getsignal(signal.SIGTERM)

    def loss_until_terminated(task: NextOccupation, batch: Sequence[int]) -> Iterator[tuple[Tensor, float]]:
        os.kill(os.getpid(), signal.SIGTERM)
        yield from ()

    monkeypatch.setattr(NextOccupation, "loss", loss_until_terminated)
    assert laborllm("fit nemo panel.parquet --out new/run") == 130
    said = capsys.readouterr().err
    assert said == "laborllm: interrupted: nothing was kept yet: the same command begins again\n"
    assert signal.getsignal(signal.SIGTERM) == before
    assert not Path("new/run").exists()

"""What every occupation model must do, whatever it is."""

import dataclasses
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from laborllm.errors import PanelError, RunError, StorageError
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Fitted, Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.oracle import Oracle
from laborllm.models.registry import MODELS, load, spec_class
from laborllm.models.runs.options import from_options, to_options
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.panel import Panel, Provenance
from laborllm.sources.synthetic import DgpParameters
from laborllm.sources.synthetic.dgp import DGP
from laborllm.text import Template
from laborllm.training.config import TrainingConfig
from models.folders import rewrite

Make = Callable[[], Spec]
SHORT = TrainingConfig(epochs=3, batch_size=8, learning_rate=1e-2)
QUICK = TuningConfig(learning_rate=1e-2, validate_every=16)


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABORLLM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def panel(panel: Panel) -> Panel:
    """The invented careers, as if they had been drawn from a process that is known."""
    return dataclasses.replace(panel, provenance=Provenance("invented", notes={DGP: DgpParameters().to_json()}))


@pytest.fixture(scope="module")
def panel_file(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("panel") / "panel.parquet"
    panel.save(file)
    return file


@pytest.fixture(scope="module")
def other_run(panel: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A career model of other years, to initialise from."""
    folder = tmp_path_factory.mktemp("other") / "run"
    other = dataclasses.replace(panel, records=panel.records.with_columns(pl.col("year") + 5), dataset="OTHER")
    Career(training=SHORT).fit(other).save(folder)
    return folder


@pytest.fixture(scope="module")
def members(panel: Panel, base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Runs to mix, one of them a language model, by their label of another panel: they hold out who they like."""
    folder = tmp_path_factory.mktemp("members")
    other = dataclasses.replace(panel, dataset="OTHER")
    for model in (Transition(), OffTheShelf(base=str(base_folder))):
        model.fit(other).save(folder / model.name)
    return tuple(sorted(folder.iterdir()))


@pytest.fixture(
    scope="module",
    params=[
        *("oracle", "transition", "transition-plain", "transition-second-order"),
        *("logit", "bag-of-jobs", "nemo", "career", "career-pretrained"),
        *("off-the-shelf", "language-model", "language-model-full", "language-model-closed"),
        *("title-head", "title-head-joint"),
        *("language-model-own-tokens", "title-head-own-tokens"),
        *("mixture", "mixture-varying"),
        *("off-the-shelf-in-context", "embedding-logit", "embedding-logit-two-stage"),
    ],
)
def make(
    request: pytest.FixtureRequest, base_folder: Path, other_run: Path, members: tuple[Path, ...], panel_file: Path
) -> Make:
    base = str(base_folder)
    made: dict[str, Make] = {
        "oracle": Oracle,
        "transition": Transition,
        "transition-plain": lambda: Transition(variant="plain"),
        "transition-second-order": lambda: Transition(variant="second-order"),
        "logit": lambda: Logit(training=SHORT),
        "bag-of-jobs": lambda: BagOfJobs(training=SHORT),
        "nemo": lambda: Nemo(training=SHORT),
        "career": lambda: Career(training=SHORT),
        "career-pretrained": lambda: Career(training=SHORT, pretrained=other_run, titles=base),
        "off-the-shelf": lambda: OffTheShelf(base=base),
        "off-the-shelf-in-context": lambda: OffTheShelf(base, title_list=True, examples=1, panel_file=panel_file),
        "language-model": lambda: LanguageModel(base=base, training=QUICK),
        "language-model-full": lambda: LanguageModel(
            base=base, training=dataclasses.replace(QUICK, method="full"), template=Template("numeric")
        ),
        "language-model-closed": lambda: LanguageModel(base=base, training=QUICK, vocabulary="closed"),
        "title-head": lambda: TitleHead(
            base=base, training=TuningConfig.preset("head", learning_rate=1e-2, validate_every=16)
        ),
        "title-head-joint": lambda: TitleHead(
            base=base, training=TuningConfig.preset("head", method="full", text_weight=1.0)
        ),
        "language-model-own-tokens": lambda: LanguageModel(
            base=base, training=QUICK, title_tokens="own", vocabulary="closed"
        ),
        "title-head-own-tokens": lambda: TitleHead(
            base=base, training=TuningConfig.preset("head", learning_rate=1e-2), title_tokens="own"
        ),
        "embedding-logit": lambda: EmbeddingLogit(base),
        "embedding-logit-two-stage": lambda: EmbeddingLogit(base, pooling="mean", likelihood="two-stage"),
        "mixture": lambda: Mixture(members),
        "mixture-varying": lambda: Mixture(members, weights="varying"),
    }
    return made[request.param]


@pytest.fixture(scope="module")
def fitted(make: Make, panel: Panel) -> Fitted:
    return make().fit(panel, seed=0)


def with_records(panel: Panel, records: pl.DataFrame) -> Panel:
    return dataclasses.replace(panel, records=records)


def test_forecast(fitted: Fitted, panel: Panel, tmp_path: Path) -> None:
    test = panel.subset("test")
    forecast = fitted.forecast(test)
    assert forecast.log_prob.shape == (len(test), len(panel.taxonomy))
    np.testing.assert_allclose(np.exp(forecast.log_prob).sum(axis=1), 1, atol=1e-5)
    assert forecast.records.equals(test.records.select("worker", "year", "occupation"))
    np.testing.assert_allclose(fitted.log_likelihood(test), forecast.raw_log_likelihood, atol=1e-4)
    fitted.save(tmp_path / "run")
    card = (tmp_path / "run" / "README.md").read_text()
    assert panel.fingerprint in card
    assert "Intended use" in card
    loaded = load(tmp_path / "run")
    assert loaded.spec == fitted.spec
    assert loaded.record == fitted.record
    assert loaded.metrics == pytest.approx(dict(fitted.metrics))
    np.testing.assert_array_equal(loaded.forecast(test).log_prob, forecast.log_prob)
    with pytest.raises(StorageError, match="exists already"):
        fitted.save(tmp_path / "run")


def test_the_past_alone_matters(fitted: Fitted, panel: Panel) -> None:
    """Changing the last record of each worker, title and covariates, leaves every earlier forecast as it was."""
    test = panel.subset("test")
    last = pl.int_range(pl.len()).over("worker") == pl.len().over("worker") - 1
    codes = list(panel.taxonomy.codes)
    other = dict(zip(codes, codes[1:] + codes[:1], strict=True))
    changed = with_records(
        test,
        test.records.with_columns(
            pl.when(last).then(pl.col("occupation").replace_strict(other)).otherwise("occupation").alias("occupation"),
            pl.when(last & (pl.len().over("worker") > 1))
            .then(pl.lit("college"))
            .otherwise("education")
            .alias("education"),
        ),
    )
    earlier = ~test.records.select(last).to_series().to_numpy()
    before, after = fitted.forecast(test).log_prob, fitted.forecast(changed).log_prob
    np.testing.assert_allclose(before[earlier], after[earlier], atol=1e-5)


def test_an_open_record_has_the_distribution_of_the_same_record_closed(fitted: Fitted, panel: Panel) -> None:
    test = panel.subset("test")
    last = pl.int_range(pl.len()).over("worker") == pl.len().over("worker") - 1
    opened = with_records(test, test.records.with_columns(pl.when(~last).then("occupation")))
    assert opened.open_records == test.workers
    closed, forecast = fitted.forecast(test), fitted.forecast(opened)
    np.testing.assert_allclose(forecast.log_prob, closed.log_prob, atol=1e-5)
    assert forecast.records.equals(opened.records.select("worker", "year", "occupation"))
    known = ~test.records.select(last).to_series().to_numpy()
    np.testing.assert_allclose(fitted.log_likelihood(opened), fitted.log_likelihood(test)[known], atol=1e-4)
    np.testing.assert_allclose(forecast.raw_log_likelihood, closed.raw_log_likelihood[known], atol=1e-4)


def test_a_record_after_an_open_one_has_no_forecast(fitted: Fitted, panel: Panel) -> None:
    test = panel.subset("test").open(years=[2020, 2021])
    with pytest.raises(PanelError, match="open records follow an open one"):
        fitted.forecast(test)


def test_a_fit_ignores_open_records(make: Make, fitted: Fitted, panel: Panel) -> None:
    opened = panel.open(years=[2020])
    again = make().fit(opened, seed=0)
    np.testing.assert_array_equal(fitted.forecast(opened).log_prob, again.forecast(opened).log_prob)


def test_sparse_and_unseen_input(fitted: Fitted, panel: Panel) -> None:
    """One record, no covariates, and an occupation that no training record has."""
    seen = set(panel.subset("train").records["occupation"])
    unseen = next((code for code in panel.taxonomy.codes if code not in seen), panel.taxonomy.codes[0])
    row = pl.DataFrame({"worker": ["x"], "year": [2001], "occupation": [unseen], "split": ["test"]})
    forecast = fitted.forecast(with_records(panel, row))
    assert np.isfinite(forecast.log_prob).all()


def test_a_seed_repeats_and_test_is_never_read(make: Make, fitted: Fitted, panel: Panel) -> None:
    train_only = with_records(panel, panel.records.filter(pl.col("split") != "test"))
    test = panel.subset("test")
    again = make().fit(train_only, seed=0)
    np.testing.assert_array_equal(fitted.forecast(test).log_prob, again.forecast(test).log_prob)


def test_any_panel_is_forecast_whose_occupations_the_model_knows(fitted: Fitted, panel: Panel) -> None:
    """Over the taxonomy of the fit, whatever else the panel's taxonomy has or lacks."""
    records = panel.subset("test").records
    never_unemployed = records.filter((pl.col("occupation") != "unemployed").all().over("worker"))
    known = with_records(panel, never_unemployed)
    expected = fitted.forecast(known)
    jobs = panel.taxonomy.without_states
    for taxonomy in (jobs, panel.taxonomy.with_states(["in_education"])):
        found = fitted.forecast(dataclasses.replace(known, taxonomy=taxonomy))
        assert found.taxonomy == panel.taxonomy
        np.testing.assert_array_equal(found.log_prob, expected.log_prob)
    np.testing.assert_array_equal(
        fitted.log_likelihood(dataclasses.replace(known, taxonomy=jobs)), fitted.log_likelihood(known)
    )
    students = known.records.with_columns(occupation=pl.lit("in_education"))
    with pytest.raises(PanelError, match=r"records of code in_education \(In education\), which is not among the 7 of"):
        fitted.forecast(Panel(students, panel.taxonomy.with_states(["in_education"]), "INVENTED", panel.provenance))


def test_a_torn_run_folder_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    """All but its card, in which anybody may write, and its list of outputs, to which more may be added."""
    fitted.save(tmp_path / "run")
    (tmp_path / "run" / "README.md").write_text("Ours.")
    load(tmp_path / "run")
    free = ("README.md", "disclosure.json")
    hashed = [path for path in (tmp_path / "run").rglob("*") if path.is_file() and path.name not in free]
    largest = max(hashed, key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    with pytest.raises(StorageError, match="torn or was changed"):
        load(tmp_path / "run")


def test_an_option_that_this_version_does_not_know_is_refused(fitted: Fitted, tmp_path: Path) -> None:
    fitted.save(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["options"]["color"] = "green"
    rewrite(tmp_path / "run" / "run.json", json.dumps(about))
    with pytest.raises(RunError, match=r"run states 'color', which this version of laborllm .* does not know"):
        load(tmp_path / "run")


def test_a_spec_is_a_value(make: Make) -> None:
    """Equal specs hash alike, in every process; a spec pickles, never changes, and survives JSON."""
    spec = make()
    assert spec == make()
    assert hash(spec) == hash(make())
    assert pickle.loads(pickle.dumps(spec)) == spec
    as_json = json.dumps(to_options(spec))  # type: ignore[arg-type]
    assert from_options(type(spec), json.loads(as_json), Path("run")) == spec
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.name = "another"  # type: ignore[misc]


def test_a_fitted_model_pickles(fitted: Fitted, panel: Panel) -> None:
    test = panel.subset("test")
    again = pickle.loads(pickle.dumps(fitted))
    np.testing.assert_array_equal(again.forecast(test).log_prob, fitted.forecast(test).log_prob)


@pytest.mark.parametrize("name", MODELS)
def test_every_model_is_registered_by_its_name(name: str) -> None:
    assert spec_class(name).name == name


def test_a_closed_vocabulary_can_be_widened(panel: Panel, base_folder: Path) -> None:
    """The softmax over all tokens gives each title less, by the same weights."""
    closed = LanguageModel(base=str(base_folder), training=QUICK, vocabulary="closed").fit(panel)
    test = panel.subset("test")
    wide = closed.widened()
    assert wide.spec.vocabulary == "whole"
    assert (wide.log_likelihood(test) < closed.log_likelihood(test)).all()


def test_a_run_from_other_base_weights_is_refused(panel: Panel, own_base_folder: Path, tmp_path: Path) -> None:
    LanguageModel(base=str(own_base_folder), training=QUICK).fit(panel).save(tmp_path / "run")
    (own_base_folder / "other.safetensors").write_bytes(b"")
    with pytest.raises(RunError, match="was tuned from other weights"):
        load(tmp_path / "run")

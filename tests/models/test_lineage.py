"""No model or forecast is accepted on a split that anything behind it was not made under."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

import laborllm as ll
from laborllm.errors import InputError, PanelError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Forecaster, Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.language.export import export_model
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.registry import load, load_forecaster
from laborllm.models.runs.lineage import Lineage
from laborllm.models.runs.run_folder import read_run
from laborllm.models.scored import WithScoring
from laborllm.models.sequence.specs import Career
from laborllm.panel import Panel, assign_split
from laborllm.panel.pooling import Addition, held_out_of, join, mix

OTHER = "on another split of OTHER"
EXACT = ScoringOptions()
Made = Callable[[Path, Panel, Panel], Path]


@pytest.fixture(scope="module")
def other(panel: Panel) -> Panel:
    """The same people under another label."""
    return replace(panel, dataset="OTHER")


@pytest.fixture(scope="module")
def other_split(other: Panel) -> Panel:
    return replace(other, records=assign_split(other.records.drop("split"), seed=9))


def small_career(**options: object) -> Career:
    return Career(layers=1, width=16, heads=2, training=replace(Career().training, epochs=1), **options)  # type: ignore[arg-type]


def run_of(path: Path, panel: Panel) -> Path:
    Transition().fit(panel).save(path)
    return path


def pooled(folder: Path, panel: Panel, other: Panel) -> Path:
    return run_of(folder / "pooled", mix(panel, [Addition(other)], seed=0))


def pooled_twice(folder: Path, panel: Panel, other: Panel) -> Path:
    inner = mix(replace(panel, dataset="THIRD"), [Addition(other)], seed=0)
    return run_of(folder / "twice", mix(panel, [Addition(inner)], seed=0))


def pretrained(folder: Path, panel: Panel, other: Panel) -> Path:
    small_career().fit(other).save(folder / "before")
    small_career(pretrained=folder / "before").fit(panel).save(folder / "run")
    return folder / "run"


def mixed(folder: Path, panel: Panel, other: Panel) -> Path:
    members = run_of(folder / "one", panel), pooled(folder, panel, other)
    Mixture(members=members).fit(panel).save(folder / "run")
    return folder / "run"


def mixed_files(folder: Path, panel: Panel, other: Panel) -> Path:
    forecast_file(folder, panel, other)
    Mixture(members=(folder / "forecast.parquet",)).fit(panel).save(folder / "run")
    return folder / "run"


def forecast_file(folder: Path, panel: Panel, other: Panel) -> Path:
    load(pooled(folder, panel, other)).forecast(panel).save(folder / "forecast.parquet")
    return folder / "forecast.parquet"


MADE: list[Made] = [pooled, pooled_twice, pretrained, mixed, mixed_files, forecast_file]


@pytest.mark.parametrize("make", MADE, ids=lambda make: make.__name__)
def test_what_is_behind_a_model_is_kept(
    make: Made, tmp_path: Path, panel: Panel, other: Panel, other_split: Panel
) -> None:
    """It is right on the splits it was made under, of either dataset, and refused on any other."""
    made = make(tmp_path, panel, other)
    for right in (panel, other):
        load_forecaster(made, held_out_by=right)
    with pytest.raises(RunError, match=OTHER):
        load_forecaster(made, held_out_by=other_split)
    with pytest.raises(RunError, match=OTHER):
        load_forecaster(made, held_out_by=mix(panel, [Addition(other_split)], seed=0))


def test_a_head_keeps_its_offset_model_and_its_teacher(
    tmp_path: Path, panel: Panel, other: Panel, other_split: Panel, base_folder: Path
) -> None:
    one = run_of(tmp_path / "one", replace(panel, dataset="INVENTED"))
    two = pooled(tmp_path, panel, other)
    short = replace(TitleHead().training, epochs=1)
    for options in ({"offset_model": two}, {"teacher": two, "offset_model": one}):
        spec = TitleHead(base=str(base_folder), training=short, **options)  # type: ignore[arg-type]
        assert spec.fit(panel).record.lineage.splits == read_run(two).record.lineage.splits
        with pytest.raises(RunError, match="on another split of "):
            spec.fit(mix(panel, [Addition(other_split)], seed=0))


SHORT = TuningConfig(epochs=1)
BASED: dict[str, Callable[[str], Spec]] = {
    "off-the-shelf": OffTheShelf,
    "language-model": lambda base: LanguageModel(base=base, training=SHORT),
    "title-head": lambda base: TitleHead(base=base, training=SHORT),
    "embedding-logit": EmbeddingLogit,
    "career": lambda base: small_career(titles=base),
}


@pytest.fixture(scope="module")
def tuned(other: Panel, base_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of base models that were all tuned on OTHER, by the way they came to be where they are."""
    folder = tmp_path_factory.mktemp("tuned")
    full = replace(SHORT, method="full")
    LanguageModel(base=str(base_folder), training=full).fit(other).save(folder / "run")
    export_model(folder / "run", folder / "exported")
    shutil.copytree(folder / "run" / "model", folder / "inner")
    LanguageModel(base=str(base_folder), training=SHORT).fit(other).save(folder / "adapted")
    export_model(folder / "adapted", folder / "merged")
    AutoModelForCausalLM.from_pretrained(folder / "merged").save_pretrained(folder / "saved again")
    AutoTokenizer.from_pretrained(folder / "merged").save_pretrained(folder / "saved again")
    export_model(folder / "adapted", folder / "adapter", adapter=True)
    adapted = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base_folder), folder / "adapter")
    adapted.merge_and_unload().save_pretrained(folder / "merged by peft")
    AutoTokenizer.from_pretrained(folder / "adapter").save_pretrained(folder / "merged by peft")
    return folder


@pytest.mark.parametrize("place", ["exported", "inner", "merged", "saved again", "merged by peft"])
def test_a_tuned_base_keeps_who_was_held_out(place: str, tuned: Path, other: Panel, other_split: Panel) -> None:
    with pytest.raises(RunError, match=OTHER):
        OffTheShelf(base=str(tuned / place)).fit(other_split)
    assert OffTheShelf(base=str(tuned / place)).fit(other).record.lineage.splits == (("OTHER", other.held_out),)


@pytest.mark.parametrize("kind", BASED)
def test_every_model_made_from_a_tuned_base_knows_it(
    kind: str, tuned: Path, panel: Panel, other: Panel, other_split: Panel, tmp_path: Path
) -> None:
    """One that is fitted on another panel, too: it is refused where OTHER is split otherwise."""
    spec = BASED[kind](str(tuned / "merged"))
    with pytest.raises(RunError, match=OTHER):
        spec.fit(other_split)
    fitted = spec.fit(panel)
    fitted.save(tmp_path / "run")
    for right in (panel, other):
        load(tmp_path / "run", held_out_by=right)
    with pytest.raises(RunError, match=OTHER):
        load(tmp_path / "run", held_out_by=other_split)


def test_a_lineage_that_nobody_wrote_is_refused(panel: Panel, own_base_folder: Path) -> None:
    config = json.loads((own_base_folder / "config.json").read_text())
    (own_base_folder / "config.json").write_text(json.dumps(config | {"laborllm_lineage": [["OTHER"]]}))
    with pytest.raises(RunError, match="has a laborllm_lineage that laborllm has not written"):
        OffTheShelf(base=str(own_base_folder)).fit(panel)


def test_an_untuned_model_is_of_the_base_that_it_was_fitted_with(
    panel: Panel, own_base_folder: Path, tmp_path: Path
) -> None:
    OffTheShelf(base=str(own_base_folder)).fit(panel).save(tmp_path / "run")
    model = AutoModelForCausalLM.from_pretrained(own_base_folder)
    model.lm_head.weight.data.mul_(2)
    model.save_pretrained(own_base_folder)
    with pytest.raises(RunError, match="was tuned from other weights than those now at"):
        load(tmp_path / "run")


def test_a_pool_states_who_each_member_held_out(panel: Panel, other: Panel) -> None:
    found = held_out_of(mix(panel, [Addition(other)], seed=0))
    assert found == {"INVENTED": panel.held_out, "OTHER": other.held_out}


def test_a_forecast_file_without_its_splits_is_refused(tmp_path: Path, panel: Panel) -> None:

    file = tmp_path / "forecast.parquet"
    load(run_of(tmp_path / "run", panel)).forecast(panel).save(file)
    about = {name: text for name, text in pl.read_parquet_metadata(file).items() if name.startswith("laborllm.")}
    del about["laborllm.lineage"]
    pl.read_parquet(file).write_parquet(file, metadata=about)
    with pytest.raises(InputError, match="not a forecast as this version of laborllm writes it"):
        load_forecaster(file)


@pytest.mark.parametrize("wrap", ["model", "forecast", "scoring"])
def test_what_is_in_memory_is_refused_as_well(
    wrap: str, tmp_path: Path, panel: Panel, other: Panel, other_split: Panel
) -> None:
    """An evaluation, of a file too, a backtest and an audit: a model brings its splits along without a run folder."""
    fitted = Transition().fit(other)
    models: dict[str, Forecaster] = {
        "model": fitted,
        "forecast": SavedForecast(fitted.forecast(other_split)),
        "scoring": WithScoring(fitted, EXACT),
    }
    one = {wrap: models[wrap]}
    other_split.save(tmp_path / "other.parquet")
    for careers in (other_split, tmp_path / "other.parquet"):
        with pytest.raises(RunError, match=OTHER):
            ll.evaluate(one, careers)
    if wrap != "forecast":
        with pytest.raises(RunError, match=OTHER):
            ll.backtest(one, other_split, origins=[1994], horizon=2)
    with pytest.raises(RunError, match=OTHER):
        ll.audit(fitted, other_split)
    ll.evaluate({"model": fitted}, other, draws=100)


def test_lineages_add_up() -> None:
    one, two = Lineage.from_pairs([("b", "1"), ("a", "2")]), Lineage.from_pairs([["a", "3"], ["b", "1"]])
    assert (one | two).splits == (("a", "2"), ("a", "3"), ("b", "1"))
    assert Lineage.from_pairs((one | two).splits) == two | one


@pytest.mark.parametrize("join_them", [False, True], ids=["mix", "join"])
def test_no_pool_of_two_splits_of_one_dataset(join_them: bool, panel: Panel, other: Panel, other_split: Panel) -> None:
    """Whom one of them holds out, the other trains on; only the last one would be known."""
    third, fourth = (replace(panel, dataset=name) for name in ("THIRD", "FOURTH"))
    one, two = mix(third, [Addition(other)], seed=0), mix(fourth, [Addition(other_split)], seed=0)
    pools = [(one, two), (other, two), (two, other), (mix(panel, [Addition(one)], seed=0), two)]
    for first, second in pools:
        with pytest.raises(PanelError, match="two of the panels hold other workers of OTHER out"):
            join([first, second], "BOTH") if join_them else mix(first, [Addition(second)], seed=0)
    with pytest.raises(PanelError, match="hold other workers of OTHER out"):
        mix(panel, [Addition(one), Addition(two)], seed=0)
    same = mix(fourth, [Addition(other)], seed=0)
    assert held_out_of(mix(one, [Addition(same)], seed=0))["OTHER"] == other.held_out


def test_a_head_keeps_the_splits_of_the_forecasts_that_it_starts_from(
    tmp_path: Path, panel: Panel, other: Panel, other_split: Panel, base_folder: Path
) -> None:
    one, forecasts = run_of(tmp_path / "one", panel), forecast_file(tmp_path, panel, other)
    spec = TitleHead(base=str(base_folder), training=SHORT, offset_model=one, offset_forecasts=forecasts)
    fitted = spec.fit(panel)
    with pytest.raises(RunError, match=OTHER):
        fitted.record.lineage.require_held_out_by(other_split)


def test_a_split_by_household_is_none_by_worker(tmp_path: Path, panel: Panel) -> None:
    household = panel.records.drop("split").with_columns(household=pl.col("worker").rank("dense") // 2)
    by_worker = replace(panel, records=assign_split(household))
    by_household = replace(panel, records=assign_split(household, by="household"), split_by="household")
    run = run_of(tmp_path / "run", by_household)
    with pytest.raises(RunError, match="on another split of INVENTED"):
        load(run, held_out_by=by_worker)

"""What a run folder says: options there and back, the card, who was held out, the models that come along."""

import errno
import json
import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import laborllm as ll
from laborllm.auditing.report import as_markdown
from laborllm.errors import OptionError, PanelError, RunError, StorageError
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition, Variant
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.registry import MODELS, load, load_forecaster, spec_class, state_of
from laborllm.models.runs.base_lineage import KEY, read_lineage, write_lineage
from laborllm.models.runs.card import AUDIT, model_card, with_section
from laborllm.models.runs.lineage import UNPUBLISHED, Lineage
from laborllm.models.runs.options import from_options, identity, to_options
from laborllm.models.runs.run_folder import (
    CARD,
    FILE,
    FitRecord,
    environment,
    new_run,
    read_metadata,
    read_run,
    write_section,
)
from laborllm.models.runs.shipped import SHIPPED, find_run, shipped_models
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.models.taxonomies import lineage_of
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.storage import MARKER
from laborllm.text import Template
from laborllm.training.config import DECAYS, TrainingConfig
from models.folders import rewrite

RUN = Path("run")
TRAINING = st.builds(
    TrainingConfig,
    epochs=st.integers(1, 9),
    batch_size=st.integers(1, 64),
    learning_rate=st.floats(1e-6, 1),
    warmup=st.floats(0, 1),
    decay=st.sampled_from(DECAYS),
    early_stopping=st.none() | st.integers(1, 9),
    shard=st.booleans(),
)
TEMPLATES = st.builds(
    Template,
    titles=st.sampled_from(["literal", "numeric", "shuffled"]),
    leave_out=st.lists(st.sampled_from(["gender", "region", "birth-year"]), max_size=3).map(tuple),
    last_records=st.none() | st.integers(1, 9),
)
SPECS = st.one_of(
    st.builds(Transition, st.sampled_from(["two-part", "plain", "second-order"])),
    st.builds(Logit, TRAINING),
    st.builds(Nemo, training=TRAINING, width=st.integers(1, 64).map(lambda half: 2 * half)),
    st.builds(Mixture, st.lists(st.sampled_from([Path("a"), Path("b/c.parquet")]), min_size=1, unique=True).map(tuple)),
    st.builds(LanguageModel, template=TEMPLATES),
    st.builds(OffTheShelf, template=TEMPLATES),
)


@given(SPECS)
def test_a_spec_comes_back_from_its_json(spec: Any) -> None:
    """To the last bit, and as the same value: it hashes alike."""
    read = json.loads(json.dumps(to_options(spec)))
    found = from_options(type(spec), read, RUN)
    assert found == spec
    assert hash(found) == hash(spec)


@pytest.mark.parametrize("kind", [Transition, Logit, BagOfJobs, Nemo, Career, TitleHead, EmbeddingLogit])
def test_an_option_of_a_later_version_is_named(kind: type) -> None:
    with pytest.raises(RunError, match=r"^run states 'zeal', which this version of laborllm \(.*\) does not know"):
        from_options(kind, to_options(kind()) | {"zeal": 1}, RUN)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        (Nemo, {"width": "8"}),
        (Nemo, {"width": 8.0}),
        (Nemo, {"width": True}),
        (Logit, {"training": None}),
        (Logit, {"training": {"epochs": 1}}),
        (Mixture, {"members": 3}),
        (Mixture, {"members": [3]}),
    ],
)
def test_a_value_of_another_type_is_refused(kind: type, options: dict[str, Any]) -> None:
    with pytest.raises(RunError, match=r"^run states options that no \w+ has: fit it again"):
        from_options(kind, options, RUN)


def test_a_value_out_of_range_is_refused_as_it_is_in_code() -> None:
    for variant in (3, None, "third-order"):
        with pytest.raises(OptionError, match=f"unknown variant {variant!r}: use two-part, plain, second-order"):
            from_options(Transition, {"variant": variant}, RUN)
    options = to_options(Logit())
    with pytest.raises(OptionError, match="epochs must be above zero, not 0"):
        from_options(Logit, options | {"training": options["training"] | {"epochs": 0}}, RUN)


def test_a_whole_number_stands_for_a_real_one() -> None:
    """JSON of other programs writes 1 for 1.0."""
    options = to_options(Logit())
    found = from_options(Logit, options | {"training": options["training"] | {"learning_rate": 1}}, RUN)
    assert found.training.learning_rate == 1


def test_the_identity_of_a_training_flattens_its_options(panel: Panel) -> None:
    found = identity(Nemo(width=8), "nemo", panel, base="weights")
    assert (found["model"], found["panel"], found["base"], found["width"]) == ("nemo", panel.fingerprint, "weights", 8)
    assert found["learning_rate"] == Nemo().training.learning_rate
    assert "training" not in found
    assert identity(Nemo(width=16), "nemo", panel) != identity(Nemo(width=8), "nemo", panel)


def metadata(**changed: Any) -> dict[str, Any]:
    record = {
        "dataset": "OWN",
        "workers": 1200,
        "records": 34567,
        "taxonomy": {"name": "invented", "entries": [1, 2, 3]},
        "fingerprint": "abc",
        "seed": 4,
    }
    options = {"width": 8, "training": {"epochs": 2, "rates": [1, 2]}}
    return {"model": "nemo", "record": record, "options": options, "metrics": {"perplexity": 8.123456},
            "environment": {"python": "3"}} | changed  # fmt: skip


def test_a_card_says_what_the_run_folder_states() -> None:
    card = model_card(metadata())
    assert card.startswith("# nemo\n\n")
    for line in (
        "| training careers | 1,200 workers, 34,567 records |",
        "| taxonomy | invented, 3 occupations |",
        "| training, epochs | 2 |",
        "| training, rates | 1, 2 |",
        "| perplexity | 8.123 |",
        "## Intended use",
        AUDIT,
    ):
        assert line in card
    assert "## Metrics" not in model_card(metadata(metrics={}))
    used = model_card(metadata(), {"How to prompt": "Like so."})
    assert "## How to prompt\n\nLike so.\n\n## Intended use" in used


TITLES = st.lists(st.sampled_from(["Audit", "Terms", "Metrics"]), min_size=1, max_size=3, unique=True)


@given(TITLES, st.sampled_from(["Audit", "New"]), st.text("ab c", min_size=1).map(str.strip).filter(bool))
def test_a_section_is_replaced_where_it_stands_or_comes_last(titles: list[str], title: str, text: str) -> None:
    card = "# nemo" + "".join(f"\n\n## {name}\n\nof {name}" for name in titles) + "\n"
    found = with_section(card, title, text)
    sections = dict(part.split("\n\n", 1) for part in found.rstrip("\n").split("\n\n## ")[1:])
    assert sections == {name: f"of {name}" for name in titles} | {title: text}
    assert list(sections) == (titles if title in titles else [*titles, title])
    assert with_section(found, title, text) == found


@given(
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xy")), max_size=4),
    st.lists(st.tuples(st.sampled_from("AB"), st.sampled_from("xy")), max_size=4),
)
def test_lineages_are_sets_of_splits(ours: list[tuple[str, str]], theirs: list[tuple[str, str]]) -> None:
    one, other = Lineage.from_pairs(ours), Lineage.from_pairs(theirs)
    assert set((one | other).splits) == {*ours, *theirs}
    assert one | other == other | one
    assert one | one == one | Lineage() == one


def test_another_split_of_a_dataset_is_refused(panel: Panel) -> None:
    ((dataset, held_out),) = Lineage.of(panel).splits
    assert (dataset, held_out) == ("INVENTED", panel.held_out)
    Lineage(((dataset, held_out), ("ELSE", "1"))).require_held_out_by(panel)
    with pytest.raises(RunError, match="was fitted on another split of INVENTED") as found:
        Lineage(((dataset, "other"),)).require_held_out_by(panel)
    assert found.value.hint == "import it with the same --seed"
    with pytest.raises(RunError, match="was trained on workers of INVENTED and does not tell which"):
        Lineage(((dataset, UNPUBLISHED),)).require_held_out_by(panel)
    Lineage((("ELSE", UNPUBLISHED),)).require_held_out_by(panel)


def test_the_configuration_of_a_base_model_carries_who_was_held_out(panel: Panel) -> None:
    config, tokenizer, neither = SimpleNamespace(), SimpleNamespace(init_kwargs={}), SimpleNamespace(init_kwargs={})
    assert read_lineage(config, tokenizer, panel) == Lineage()
    write_lineage(config, tokenizer, Lineage.of(panel))
    for written in (vars(config), tokenizer.init_kwargs):
        assert json.loads(json.dumps(written)) == {KEY: [["INVENTED", panel.held_out]]}
    for one, other in ((config, tokenizer), (config, neither), (neither, tokenizer)):
        assert read_lineage(one, other, panel) == Lineage.of(panel)
    for junk in (3, [3], [["a"]], [["a", "b", "c"]]):
        for of_config, of_tokenizer in (({KEY: junk}, {}), ({}, {KEY: junk})):
            with pytest.raises(RunError, match=f"has a {KEY} that laborllm has not written"):
                read_lineage(SimpleNamespace(**of_config), SimpleNamespace(init_kwargs=of_tokenizer), panel)


def test_what_is_released_tells_nobody(panel: Panel) -> None:
    record = FitRecord.on(panel, panel.subset("train"), seed=3)
    given_away = record.released()
    assert panel.fingerprint not in repr(given_away)
    assert panel.held_out not in repr(given_away)
    assert given_away.lineage.splits == (("INVENTED", UNPUBLISHED),)
    assert (given_away.workers, given_away.seed) == (record.workers, 3)


@pytest.fixture
def run(panel: Panel, tmp_path: Path) -> Path:
    Transition().fit(panel, seed=7).save(tmp_path / "run")
    return tmp_path / "run"


def test_a_run_folder_states_what_was_fitted(run: Path, panel: Panel) -> None:
    found = read_run(run)
    assert (found.model, found.options) == ("transition", {"variant": "two-part", "thinned": False})
    train = panel.subset("train")
    assert (found.record.workers, found.record.records) == (train.workers, len(train))
    assert (found.record.seed, found.record.fingerprint) == (7, panel.fingerprint)
    assert read_metadata(run)["environment"] == environment()
    assert environment()["torch"].startswith("2.")


def test_the_card_may_be_edited_and_nothing_else(run: Path) -> None:
    write_section(run, "Audit", "Nothing was found.")
    assert "## Audit\n\nNothing was found.\n" in (run / CARD).read_text()
    assert AUDIT not in (run / CARD).read_text()
    load(run)
    (run / FILE).write_text((run / FILE).read_text().replace('"seed": 7', '"seed": 8'))
    with pytest.raises(StorageError):
        load(run)


@pytest.mark.parametrize("text", ["", "[", "3", "[]", "[1]", '"run"', "[" * 100_000])
def test_json_that_laborllm_has_not_written(text: str, run: Path) -> None:
    rewrite(run / FILE, text)
    with pytest.raises(RunError, match=r"run\.json is not JSON as laborllm writes it|written by another version"):
        read_run(run)


@pytest.mark.parametrize("name", ["record", "metrics", "extra", "options", "model"])
def test_what_another_version_has_not_written(name: str, run: Path) -> None:
    stated = json.loads((run / FILE).read_text())
    del stated[name]
    rewrite(run / FILE, json.dumps(stated))
    with pytest.raises(RunError, match="was written by another version of laborllm: fit the model again"):
        read_run(run)


@pytest.mark.parametrize("model", ["zeal", 3, None, ["transition"]])
def test_a_model_of_another_version(model: object, run: Path) -> None:
    rewrite(run / FILE, json.dumps(json.loads((run / FILE).read_text()) | {"model": model}))
    with pytest.raises(RunError, match=r"holds a model .*, which this version of laborllm does not know"):
        load(run)


def test_a_folder_that_is_whole_but_no_run(panel: Panel, tmp_path: Path) -> None:
    from laborllm.storage import new_folder

    with new_folder(tmp_path / "other") as folder:
        (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(RunError, match=r"is not a run folder: it has no run\.json") as found:
        load(tmp_path / "other")
    assert found.value.hint == "make one with 'laborllm fit'"


def test_a_run_that_fails_leaves_nothing(panel: Panel, tmp_path: Path) -> None:
    record = FitRecord.on(panel, panel.subset("train"), seed=0)
    with pytest.raises(StorageError, match="No space left"), new_run(tmp_path / "run", "nemo", {}, record):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_state_changes_with_what_is_there(run: Path, panel: Panel, tmp_path: Path) -> None:
    before = state_of(run)
    fitted = load(run)
    file = tmp_path / "forecast.parquet"
    fitted.forecast(panel).save(file)
    states = [before, state_of(file)]
    rewrite(run / FILE, (run / FILE).read_text() + " ")
    states.append(state_of(run))
    fitted.forecast(panel.subset("test")).save(file)
    states.append(state_of(file))
    assert len(set(states)) == 4
    with pytest.raises(RunError, match="no run folder and no file of forecasts at"):
        state_of(tmp_path / "absent")


def test_forecasts_stand_where_a_run_stands(run: Path, panel: Panel, tmp_path: Path) -> None:
    model = load_forecaster(run, held_out_by=panel)
    model.forecast(panel).save(tmp_path / "forecast.parquet")
    saved = load_forecaster(tmp_path / "forecast.parquet", held_out_by=panel)
    assert lineage_of(saved) == lineage_of(model) == Lineage.of(panel)
    other = replace(panel, records=panel.records.with_columns(split=panel.records["split"].replace({"test": "train"})))
    for place in (run, tmp_path / "forecast.parquet"):
        with pytest.raises(RunError, match="another split of INVENTED"):
            load_forecaster(place, held_out_by=other)


def test_models_that_come_along_are_found_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of that name comes first."""
    names = shipped_models()
    assert names
    monkeypatch.chdir(tmp_path)
    for name in names:
        assert find_run(Path(name)) == SHIPPED / name
        assert (SHIPPED / name / MARKER).is_file()
        (tmp_path / name).mkdir()
        assert find_run(Path(name)) == Path(name)
    assert find_run(Path("no-such-model")) == Path("no-such-model")


@pytest.mark.parametrize("name", MODELS)
def test_a_spec_is_found_by_its_name(name: str) -> None:
    assert spec_class(name).name == name


def test_an_unknown_name_lists_the_known() -> None:
    with pytest.raises(OptionError, match="unknown model 'zeal': use oracle, transition, logit,"):
        spec_class("zeal")


@pytest.mark.parametrize("spec", [*map(Transition, get_args(Variant)), Nemo(), Career()], ids=repr)
def test_one_occupation_leaves_nothing_to_forecast(spec: Spec, panel: Panel) -> None:
    taxonomy = Taxonomy.from_occupations("cooks", [("1", "Cooks", "All")])
    cooks = replace(panel, taxonomy=taxonomy, records=panel.records.with_columns(occupation=pl.lit("1")))
    with pytest.raises(PanelError, match="the taxonomy cooks has one occupation only"):
        spec.fit(cooks)


def test_a_card_holds_labels_as_text(tmp_path: Path) -> None:
    careers = ll.import_synthetic(workers=200)
    named = replace(careers, dataset="<script>alert(1)</script> | x")
    fitted = ll.fit("transition", named, out=tmp_path / "run")
    write_section(tmp_path / "run", "Audit", as_markdown(ll.audit(fitted, named, draws=40)))
    card = (tmp_path / "run" / CARD).read_text()
    assert "<script>" not in card
    assert card.count(r"&lt;script&gt;alert(1)&lt;/script&gt; \| x") == 2

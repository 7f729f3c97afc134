"""How a career is written is part of a fit: kept in its run folder, in the card, and in all that is kept next to it."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from laborllm.errors import RunError, StorageError
from laborllm.lm.forward import text_model
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.registry import load
from laborllm.panel import Panel
from laborllm.text import Template
from models.folders import rewrite

TextModel = LanguageModel | TitleHead | OffTheShelf | EmbeddingLogit
Make = Callable[[Template], TextModel]

LAST = 2
PERTURBED = Template("shuffled", ("birth-year", "gender"), last_records=LAST)


@pytest.fixture(params=["language-model", "title-head", "off-the-shelf", "embedding-logit"])
def make(request: pytest.FixtureRequest, base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(text_model, "has_fast_bfloat16", lambda device: False)  # too coarse for this small head
    base = str(base_folder)
    made: dict[str, Make] = {
        "language-model": lambda written: LanguageModel(base, written, training=TuningConfig(learning_rate=1e-2)),
        "title-head": lambda written: TitleHead(
            base, written, dropout=0.0, training=TuningConfig.preset("head", learning_rate=1e-2)
        ),
        "off-the-shelf": lambda written: OffTheShelf(base, written),
        "embedding-logit": lambda written: EmbeddingLogit(base, written),
    }
    return made[request.param]


def test_a_run_writes_careers_as_its_fit_did(make: Make, panel: Panel, tmp_path: Path) -> None:
    test = panel.subset("test")
    fitted = make(PERTURBED).fit(panel)
    expected = fitted.forecast(test).log_prob
    fitted.save(tmp_path / "run")
    loaded = load(tmp_path / "run")
    assert loaded.spec.template == PERTURBED  # type: ignore[attr-defined]
    np.testing.assert_array_equal(loaded.forecast(test).log_prob, expected)
    card = (tmp_path / "run" / "README.md").read_text()
    assert all(word in card for word in ("shuffled", "birth-year", "last_records", "resume-1"))
    assert np.abs(make(Template()).fit(panel).forecast(test).log_prob - expected).max() > 1e-3


def test_what_is_left_out_or_long_ago_changes_nothing(make: Make, panel: Panel) -> None:
    place = pl.int_range(pl.len()).over("worker")
    codes = list(panel.taxonomy.codes)
    other = pl.col("occupation").replace_strict(dict(zip(codes, codes[1:] + codes[:1], strict=True)))
    changed = dataclasses.replace(
        panel,
        records=panel.records.with_columns(
            pl.when(place == 0).then(other).otherwise("occupation").alias("occupation"),
            (pl.col("birth_year") - 1),
            pl.lit("male").alias("gender"),
        ),
    )
    model = make(PERTURBED).fit(panel)
    before, after = (model.forecast(one).log_prob for one in (panel, changed))
    later = panel.records.select(place > LAST).to_series().to_numpy()
    np.testing.assert_allclose(after[later], before[later], atol=1e-5)
    assert np.abs(after[~later] - before[~later]).max() > 1e-3


@pytest.mark.parametrize("model", [LanguageModel, TitleHead])
def test_a_checkpoint_of_another_template_is_refused(
    model: type[LanguageModel | TitleHead], base_folder: Path, panel: Panel, tmp_path: Path
) -> None:
    model(str(base_folder), Template("reworded")).fit(panel, out=tmp_path / "run")
    with pytest.raises(StorageError, match=r"holds a training with leave_out \[\], not \['gender'\]"):
        model(str(base_folder), Template("reworded", ("gender",))).fit(panel, out=tmp_path / "run")


def test_vectors_of_another_template_are_not_taken(
    base_folder: Path, panel: Panel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path))
    for count, template in enumerate((Template(), Template(leave_out=("gender",)), Template(last_records=3)), 1):
        EmbeddingLogit(str(base_folder), template).fit(panel)
        assert len(list((tmp_path / "vectors").iterdir())) == 2 * count


def test_a_template_that_this_version_does_not_know_is_refused(make: Make, panel: Panel, tmp_path: Path) -> None:
    make(Template()).fit(panel).save(tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["options"]["template"]["paper"] = "recycled"
    rewrite(tmp_path / "run" / "run.json", json.dumps(about))
    with pytest.raises(RunError, match=r"run states 'paper', which this version of laborllm .* does not know"):
        load(tmp_path / "run")

"""Education drawn by a language model: against the model's own tokens one by one, and a known law."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from scipy.stats import chisquare  # type: ignore[import-untyped]

from laborllm.errors import OptionError, PanelError
from laborllm.forecasting.simulation.education import EducationByModel
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.counts.specs import Transition
from laborllm.models.language.language_model import FittedLanguageModel
from laborllm.models.language.paths import LanguagePaths
from laborllm.models.language.specs import LanguageModel, OffTheShelf
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, assign_split
from laborllm.text import Template, render

LEVELS = ("high school", "college")
GRADUATES = 0.3
"""The law of the invented careers: who has finished high school has a college degree in the next record this often."""


@pytest.fixture(scope="module")
def schooling() -> Panel:
    """Careers of one occupation whose education follows the law; who has a degree keeps it."""
    taxonomy = Taxonomy.from_occupations("town", [("1", "Cooks", "All"), ("2", "Cashiers", "All")])
    generator, rows = np.random.default_rng(0), []
    for worker in range(150):
        level = 0
        for year in range(2000, 2004):
            rows.append(
                {"worker": f"{worker:03}", "year": year, "occupation": str(1 + worker % 2), "education": LEVELS[level]}
            )
            level = level or int(generator.random() < GRADUATES)
    return Panel(assign_split(pl.DataFrame(rows)), taxonomy, "TOWN", Provenance("invented"))


@pytest.fixture(scope="module")
def fitted(schooling: Panel, base_folder: Path) -> FittedLanguageModel:
    """A tiny language model tuned on the whole text."""
    training = TuningConfig(method="full", learning_rate=1e-2, epochs=4, batch_size=8)
    return LanguageModel(str(base_folder), training=training).fit(schooling)


@torch.inference_mode()
def chances_by_hand(model: TextModel, careers: Panel) -> np.ndarray:
    """P(level in the open record | text before it), (W, 2), by the whole text of each version, token by token."""
    found = []
    versions = []
    for level in LEVELS:
        last = pl.when(pl.col("occupation").is_null()).then(pl.lit(level)).otherwise("education")
        panel = careers.with_records(careers.records.with_columns(education=last))
        versions.append([text.tokens for text in model.encoder.encode(render(panel, Template()))])
    for texts in zip(*versions, strict=True):
        begin = next(at for at, (one, two) in enumerate(zip(*texts, strict=False)) if one != two)
        log_prob = []
        for tokens in texts:
            whole = model.decoder.log_softmax(tokens)
            log_prob.append(sum(float(whole[at - 1, tokens[at]]) for at in range(begin, len(tokens))))
        found.append(np.exp(log_prob - np.logaddexp.reduce(log_prob)))
    return np.array(found)


def drawn_levels(paths: LanguagePaths, workers: int, draws: int, seed: int) -> np.ndarray:
    """(W, D) places in `LEVELS` drawn for the next open record."""
    uniform = np.random.default_rng(seed).random((workers, draws))
    paths.draw_education(LEVELS, torch.from_numpy(uniform))
    return paths.texts.education[:, :, -1]


def test_levels_are_drawn_as_the_tokens_say(fitted: FittedLanguageModel, schooling: Panel) -> None:
    some = schooling.sample(3, seed=1)
    opened = some.open([2004, 2005])
    paths = fitted.paths(opened, 2000)
    first = drawn_levels(paths, 3, 2000, 0)
    for drawn, chances in zip(first, chances_by_hand(fitted.text_model, some.open([2004])), strict=True):
        assert chisquare(np.bincount(drawn, minlength=2), 2000 * chances).pvalue > 1e-3
    occupation = torch.from_numpy(np.random.default_rng(1).integers(0, 2, (3, 2000)))
    paths.append(occupation)
    second = drawn_levels(paths, 3, 2000, 2)
    alike = (first[0] == 1) & (
        occupation[0].numpy() == 1
    )  # the text of these paths says college, and cashiers, in 2004
    records = opened.records.filter(pl.col("worker") == opened.records["worker"][0])
    at = pl.col("year") == 2004
    closed = records.with_columns(
        pl.when(at).then(pl.lit("2")).otherwise("occupation").alias("occupation"),
        pl.when(at).then(pl.lit("college")).otherwise("education").alias("education"),
    )
    (chances,) = chances_by_hand(fitted.text_model, schooling.with_records(closed))
    assert chisquare(np.bincount(second[0, alike], minlength=2), alike.sum() * chances).pvalue > 1e-3


def test_careers_follow_the_law_they_were_drawn_from(fitted: FittedLanguageModel, schooling: Panel) -> None:
    """What a small model has learnt of the law is near it: nobody loses a degree, three in ten come to one."""
    last = schooling.records.group_by("worker", maintain_order=True).last()
    without = last.filter(education="high school")["worker"].head(12)
    some = schooling.with_records(schooling.records.filter(pl.col("worker").is_in(without.implode())))
    paths = fitted.paths(some.open([2004]), 100)
    assert abs((drawn_levels(paths, some.workers, 100, 0) == 1).mean() - GRADUATES) < 0.15
    graduates = last.filter(education="college")["worker"].head(12)
    others = schooling.with_records(schooling.records.filter(pl.col("worker").is_in(graduates.implode())))
    kept = fitted.paths(others.open([2004]), 100)
    assert (drawn_levels(kept, others.workers, 100, 0) == 1).mean() > 0.9


def test_a_simulation_says_that_education_was_drawn(fitted: FittedLanguageModel, schooling: Panel) -> None:
    some = schooling.sample(6, seed=0)
    found = simulate(fitted, some, years=[2004, 2005], draws=50, education=EducationByModel(LEVELS))
    assert found.assumptions == ("covariates held at their last values; education drawn by the model among 2 levels")
    np.testing.assert_allclose(found.probability.sum(axis=2), 1, atol=1e-5)
    assert (found.error[:, 0] > 0).any()  # paths differ from the first year on


def test_unknown_education_stays_unknown(fitted: FittedLanguageModel, schooling: Panel) -> None:
    some = schooling.sample(2, seed=0)
    unknown = some.with_records(some.records.with_columns(education=pl.lit(None, pl.String)))
    one = simulate(fitted, unknown, years=[2004], draws=3, education=EducationByModel(LEVELS))
    two = simulate(fitted, unknown, years=[2004], draws=3)
    np.testing.assert_allclose(one.probability, two.probability, atol=1e-6)


def test_what_no_model_can_draw_is_refused(fitted: FittedLanguageModel, schooling: Panel, base_folder: Path) -> None:
    with pytest.raises(OptionError, match="at least two different levels"):
        EducationByModel(("college",))
    with pytest.raises(PanelError, match="never saw education 'doctorate'"):
        simulate(fitted, schooling, years=[2004], education=EducationByModel(("college", "doctorate")))
    with pytest.raises(OptionError, match="does not say how education continues"):
        simulate(Transition().fit(schooling), schooling, years=[2004], education=EducationByModel(LEVELS))
    silent = OffTheShelf(str(base_folder), template=Template(leave_out=("education",))).fit(schooling)
    with pytest.raises(PanelError, match="hold no education"):
        simulate(silent, schooling.sample(2, seed=0), years=[2004], draws=2, education=EducationByModel(LEVELS))

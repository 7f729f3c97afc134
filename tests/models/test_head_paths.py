"""Paths of title heads against forecasting every career again, and how many tokens they read."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.errors import OptionError
from laborllm.forecasting.backtests.backtest import backtest
from laborllm.forecasting.simulation.education import EducationByModel
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.two_years import two_years_ahead
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.counts.specs import Transition
from laborllm.models.language.head.paths import HeadPaths
from laborllm.models.language.specs import TitleHead
from laborllm.models.language.title_head import FittedTitleHead
from laborllm.models.mixture.paths import MixturePaths
from laborllm.models.mixture.specs import Mixture
from laborllm.models.must_move import MustMove
from laborllm.models.paths import paths_at_once
from laborllm.models.rescored import RescoredPaths, start_paths
from laborllm.models.sequence.specs import Nemo
from laborllm.panel import Panel
from laborllm.text import Template
from laborllm.training.config import TrainingConfig
from models.test_language_paths import DRAWS, YEARS, TokensRead, require_equal_paths

TRAINING = TuningConfig.preset("head", learning_rate=1e-2, epochs=1)


@pytest.fixture(scope="module")
def spec(base_folder: Path) -> TitleHead:
    return TitleHead(str(base_folder), training=TRAINING)


def untamed(model: FittedTitleHead) -> FittedTitleHead:
    """The model as a run folder has it, in float32, with random weights in its head: few careers leave them at zero."""
    model.classifier.model.decoder.autocast = False
    generator = torch.Generator().manual_seed(7)
    for parameter in model.classifier.head.parameters():
        parameter.data.normal_(generator=generator)
    return model


@pytest.fixture(scope="module")
def head(spec: TitleHead, panel: Panel) -> FittedTitleHead:
    return untamed(spec.fit(panel))


@pytest.mark.parametrize(
    "template", [Template(), Template(last_records=2), Template("numeric")], ids=["whole", "windows", "numeric"]
)
def test_paths_are_forecasts_of_the_careers_drawn(template: Template, spec: TitleHead, panel: Panel) -> None:
    model = untamed(replace(spec, template=template).fit(panel))
    require_equal_paths(model, panel.sample(6, seed=0).open(YEARS), HeadPaths)


def test_paths_of_an_offset_model_with_a_state_of_its_own(spec: TitleHead, panel: Panel, tmp_path: Path) -> None:
    Nemo(training=TrainingConfig(epochs=1, batch_size=32, learning_rate=3e-3)).fit(panel).save(tmp_path / "nemo")
    model = untamed(replace(spec, offset_model=tmp_path / "nemo", title_tokens="own").fit(panel))
    require_equal_paths(model, panel.sample(4, seed=1).open(YEARS), HeadPaths)


def test_careers_of_which_nothing_was_observed(head: FittedTitleHead, panel: Panel) -> None:
    opened = panel.sample(4, seed=0).open(YEARS)
    require_equal_paths(head, opened.with_records(opened.records.filter(opened.records["year"] >= YEARS[0])), HeadPaths)


def test_no_token_is_read_twice(head: FittedTitleHead, panel: Panel) -> None:
    """Where all paths agree, four years read as many tokens as the last text of each career has."""
    opened = panel.sample(3, seed=0).open(YEARS)
    paths, read = head.paths(opened, 2), TokensRead(head.classifier.model.base.model)
    for _ in YEARS[1:]:
        paths.probability()
        paths.append(torch.ones(opened.workers, 2, dtype=torch.long))
    read.count = 0
    paths.probability()
    texts, _ = paths._texts.texts()
    new = [len(text.tokens) - text.places[-2][0] for text in texts]
    assert read.count == sum(new) < sum(len(text.tokens) for text in texts)


def test_a_simulation_is_two_years_exactly_within_its_error(head: FittedTitleHead, panel: Panel) -> None:
    opened = panel.sample(4, seed=1).open(YEARS[:2])
    exact, draws = two_years_ahead(head, opened), 1500
    simulation = simulate(head, opened, draws=draws)
    assert (np.abs(simulation.probability[:, 1] - exact) <= 4.5 * np.sqrt(exact * (1 - exact) / draws) + 1e-4).all()


def test_portions_change_nothing(head: FittedTitleHead, panel: Panel, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = panel.sample(6, seed=1).open(YEARS[:3])
    whole = simulate(head, opened, draws=4)
    monkeypatch.setattr(FittedTitleHead, "paths_at_once", 8)
    apart = simulate(head, opened, draws=4)
    np.testing.assert_array_equal(apart.occupation, whole.occupation)
    np.testing.assert_allclose(apart.probability, whole.probability, atol=1e-5)


def test_who_must_move_does(head: FittedTitleHead, panel: Panel) -> None:
    opened = panel.sample(5, seed=1).open(YEARS[:2])
    simulation = simulate(head, opened, draws=3, must_move=True)
    known = np.flatnonzero(simulation.origin < len(panel.taxonomy))
    assert (simulation.probability[known, 0, simulation.origin[known]] == 0).all()


def test_a_head_draws_neither_tokens_nor_education(head: FittedTitleHead, panel: Panel) -> None:
    opened = panel.sample(2, seed=1).open(YEARS[:2])
    levels = tuple(panel.records["education"].drop_nulls().unique().sort()[:2])
    with pytest.raises(OptionError, match="samples no titles"):
        simulate(head, opened, draws=2, sample_titles=True)
    with pytest.raises(OptionError, match="does not say how education continues"):
        simulate(head, opened, draws=2, education=EducationByModel(levels))


def test_a_head_is_backtested(head: FittedTitleHead, panel: Panel) -> None:
    """The log score one year ahead is that of forecasts of the records, as nothing is drawn before them."""
    origin = 1990
    found = backtest({"head": head}, panel, origins=[origin], horizon=1, split="train", draws=2)
    score = found.scores.filter(model="head", metric="log score", horizon=1)
    some = panel.subset("train").observed().records
    rows = some.filter(
        some["year"] == origin + 1, some["worker"].is_in(some.filter(some["year"] <= origin)["worker"].implode())
    )
    assert score["records"].to_list() == [len(rows)]
    forecast = head.forecast(panel.subset("train").observed())
    at = forecast.records.with_row_index().join(rows.select("worker", "year"), on=["worker", "year"])
    column = panel.taxonomy.columns(at["occupation"])
    assert score["estimate"][0] == pytest.approx(-forecast.log_prob[at["index"], column].mean(), abs=1e-4)


def test_a_mixture_with_a_head_is_that_of_its_forecasts(head: FittedTitleHead, panel: Panel, tmp_path: Path) -> None:
    head.save(tmp_path / "head")
    Transition().fit(panel).save(tmp_path / "transition")
    mixture = Mixture((tmp_path / "head", tmp_path / "transition"), "constant").fit(panel)
    opened = panel.sample(3, seed=0).open(YEARS)
    quick, slow = start_paths(mixture, opened, DRAWS), RescoredPaths(mixture, opened, DRAWS)
    assert isinstance(quick, MixturePaths)
    assert paths_at_once(mixture) == paths_at_once(MustMove(mixture)) == FittedTitleHead.paths_at_once
    for _ in range(3):
        torch.testing.assert_close(quick.probability(), slow.probability(), rtol=0, atol=1e-5)
        for paths in (quick, slow):
            paths.append(torch.full((opened.workers, DRAWS), 2))

"""Paths of language models against forecasting every career again, and how many tokens they read."""

import dataclasses
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from laborllm.errors import OptionError
from laborllm.forecasting.simulation.education import EducationByModel
from laborllm.forecasting.simulation.simulate import simulate
from laborllm.forecasting.simulation.two_years import two_years_ahead
from laborllm.lm.scoring.next_titles import NextTitles
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.counts.specs import Transition
from laborllm.models.language.off_the_shelf import FittedOffTheShelf
from laborllm.models.language.paths import LanguagePaths
from laborllm.models.language.specs import LanguageModel, OffTheShelf
from laborllm.models.language.titles import encode
from laborllm.models.mixture.paths import MixturePaths
from laborllm.models.mixture.specs import Mixture
from laborllm.models.must_move import MustMove
from laborllm.models.rescored import RescoredPaths, start_paths
from laborllm.panel import Panel
from laborllm.text import Template

YEARS = range(2005, 2009)
DRAWS = 5


@pytest.fixture
def off_the_shelf(base_folder: Path, panel: Panel) -> FittedOffTheShelf:
    return OffTheShelf(base=str(base_folder)).fit(panel)


def require_equal_paths(model: Any, panel: Panel, kind: type = LanguagePaths) -> None:
    """Probabilities of every path and year are those of a forecast of the career with what was drawn."""
    quick, slow = start_paths(model, panel, DRAWS), RescoredPaths(model, panel, DRAWS)
    assert isinstance(quick, kind)
    generator = torch.Generator().manual_seed(0)
    for year in YEARS:
        torch.testing.assert_close(quick.probability().double(), slow.probability(), rtol=0, atol=1e-5)
        if year < YEARS[-1]:
            drawn = torch.randint(0, 3, (panel.workers, DRAWS), generator=generator)  # some paths draw alike
            quick.append(drawn)
            slow.append(drawn)


@pytest.mark.parametrize(
    "template",
    [
        Template(),
        Template(last_records=2),
        Template(last_records=20),
        Template("numeric", leave_out=("demographics", "education")),
    ],
    ids=["whole", "windows that move on", "windows with room", "numeric"],
)
def test_paths_are_forecasts_of_the_careers_drawn(template: Template, base_folder: Path, panel: Panel) -> None:
    model = OffTheShelf(base=str(base_folder), template=template).fit(panel)
    require_equal_paths(model, panel.sample(6, seed=0).open(YEARS))


def test_paths_follow_an_in_context_prefix(base_folder: Path, panel: Panel) -> None:
    model = OffTheShelf(base=str(base_folder), title_list=True).fit(panel)
    require_equal_paths(model, panel.sample(3, seed=0).open(YEARS))


def test_paths_of_tuned_titles_with_tokens_of_their_own(base_folder: Path, panel: Panel) -> None:
    training = TuningConfig(learning_rate=1e-2, epochs=1)
    for title_tokens in ("spelled", "own"):
        spec = dataclasses.replace(LanguageModel(str(base_folder), training=training), title_tokens=title_tokens)
        require_equal_paths(spec.fit(panel), panel.sample(3, seed=0).open(YEARS))


@pytest.mark.parametrize("weights", ["constant", "varying"])
def test_members_that_score_titles_count_by_their_raw_mass(
    weights: Literal["constant", "varying"], off_the_shelf: FittedOffTheShelf, panel: Panel, tmp_path: Path
) -> None:
    off_the_shelf.save(tmp_path / "language")
    Transition().fit(panel).save(tmp_path / "transition")
    mixture = Mixture((tmp_path / "language", tmp_path / "transition"), weights).fit(panel)
    opened = panel.sample(3, seed=0).open(YEARS)
    require_equal_paths(mixture, opened, MixturePaths)
    shares = off_the_shelf.paths(opened, DRAWS).raw_probability().sum(dim=-1)
    assert shares.max() < 0.5  # much is on texts that are no title, so that raw mass decides


def test_careers_of_which_nothing_was_observed(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    opened = panel.sample(4, seed=0).open(YEARS)
    require_equal_paths(off_the_shelf, opened.with_records(opened.records.filter(opened.records["year"] >= YEARS[0])))


class TokensRead:
    """How many tokens a model embeds."""

    def __init__(self, model: Any) -> None:
        self.count = 0
        model.get_input_embeddings().register_forward_hook(self._add)

    def _add(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.count += inputs[0].numel()


def texts_by_year(model: FittedOffTheShelf, panel: Panel) -> list[list[EncodedCareer]]:
    """The careers of a panel up to each of its open years, all of them spent in one occupation."""
    opened = panel.sample(4, seed=0).open(YEARS).records
    occupation = opened["occupation"].fill_null(panel.taxonomy.codes[2])
    texts = []
    for year in YEARS:
        until = opened.with_columns(occupation.set((opened["year"] == year), None))
        texts.append(encode(model.text_model.encoder, panel.with_records(until.filter(until["year"] <= year))))
    return texts


def test_only_what_is_new_of_a_text_is_read(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    scorer, texts = Scorer(off_the_shelf.text_model), texts_by_year(off_the_shelf, panel)
    titles, known = NextTitles(scorer), [0] * len(texts[0])
    read = TokensRead(off_the_shelf.text_model.base.model)
    for year in texts:
        read.count = 0
        titles.score(year)
        lengths = [len(text.tokens) for text in year]
        assert read.count == sum(lengths) - sum(known) + len(year) * scorer.trie.nodes
        known = lengths


def test_texts_beyond_the_memory_are_read_as_a_whole(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    scorer, texts = Scorer(off_the_shelf.text_model), texts_by_year(off_the_shelf, panel)
    titles = NextTitles(scorer, memory=1e-9)
    read = TokensRead(off_the_shelf.text_model.base.model)
    for year in texts:
        read.count = 0
        found = titles.score(year)
        assert read.count == sum(len(text.tokens) for text in year) + len(year) * scorer.trie.nodes
        exact = [scores.log_prob[-1] for scores in scorer.score(year)]
        np.testing.assert_allclose(found.log_prob, exact, atol=1e-5)


def test_each_text_is_scored_as_the_naive_way_does(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    titles = NextTitles(Scorer(off_the_shelf.text_model))
    model, title_tokens = off_the_shelf.text_model.decoder, off_the_shelf.text_model.encoder.title_tokens
    for year in texts_by_year(off_the_shelf, panel)[:2]:
        found: TitleScores = titles.score(year)
    for text, log_prob in zip(year, found.log_prob, strict=True):
        for title, expected in zip(title_tokens, log_prob, strict=True):
            whole = model.log_softmax([*text.tokens, *title]).detach()
            places = range(len(text.tokens) - 1, len(text.tokens) + len(title) - 1)
            assert float(sum(whole[place, token] for place, token in zip(places, title, strict=True))) == pytest.approx(
                expected, abs=1e-4
            )


def test_a_simulation_is_two_years_exactly_within_its_error(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    opened = panel.sample(4, seed=1).open(YEARS[:2])
    exact, draws = two_years_ahead(off_the_shelf, opened), 2000
    simulation = simulate(off_the_shelf, opened, draws=draws)
    assert (np.abs(simulation.probability[:, 1] - exact) <= 4.5 * np.sqrt(exact * (1 - exact) / draws) + 1e-4).all()
    assert (simulation.error[:, 0] == 0).all()


def test_titles_sampled_token_by_token_follow_two_years_exactly(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    opened = panel.sample(3, seed=1).open(YEARS[:2])
    exact, draws = two_years_ahead(off_the_shelf, opened), 1500
    found = simulate(off_the_shelf, opened, draws=draws, sample_titles=True)
    scored = simulate(off_the_shelf, opened, draws=2)
    np.testing.assert_allclose(found.probability[:, 0], scored.probability[:, 0], atol=1e-6)
    assert (np.abs(found.probability[:, 1] - exact) <= 4.5 * np.sqrt(exact * (1 - exact) / draws) + 1e-4).all()
    counted = found.probability[:, 1].astype(np.float64)
    was_there = np.stack([np.isin(np.arange(len(panel.taxonomy)), paths) for paths in found.occupation[:, :, 0]])
    chance_before = np.where(was_there, 0, found.probability[:, 0])
    spread = np.sqrt(counted * (1 - counted) / (draws - 1) + chance_before / draws)
    np.testing.assert_allclose(found.error[:, 1], spread, atol=1e-6)
    assert found.assumptions.endswith("titles sampled, paths counted")
    with pytest.raises(OptionError, match="samples no titles"):
        simulate(Transition().fit(panel), opened, draws=2, sample_titles=True)


def test_who_must_move_draws_titles_and_education_too(off_the_shelf: FittedOffTheShelf, panel: Panel) -> None:
    """The second year of those who must move in the first, by the law of total probability."""
    opened = panel.sample(3, seed=1).open(YEARS[:2])
    exact, draws = two_years_ahead(MustMove(off_the_shelf), opened), 1500
    found = simulate(off_the_shelf, opened, draws=draws, sample_titles=True, must_move=True)
    known = np.flatnonzero(found.origin < len(panel.taxonomy))
    assert (found.probability[known, 0, found.origin[known]] == 0).all()
    assert (np.abs(found.probability[:, 1] - exact) <= 4.5 * np.sqrt(exact * (1 - exact) / draws) + 1e-4).all()
    levels = EducationByModel(tuple(panel.records["education"].drop_nulls().unique().sort()[:2]))
    schooled = simulate(off_the_shelf, opened, draws=2, education=levels, must_move=True)
    assert schooled.assumptions.endswith("education drawn by the model among 2 levels; the next record is a move")

"""Forecasts by the text of titles: a panel through a scorer to a forecast."""

import sys
from collections.abc import Callable
from functools import cached_property

import numpy as np

from laborllm.lm.forward.loglikelihood import loglikelihood
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.scoring.next_titles import NextTitles
from laborllm.lm.scoring.options import QuantisationCost, ScoringOptions, Weights
from laborllm.lm.scoring.quantisation import quantisation_cost, quantised
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import EncodedCareer
from laborllm.models.forecasts.forecast import Floats, Forecast
from laborllm.models.language.paths import LanguagePaths
from laborllm.models.language.titles import encode
from laborllm.models.runs.run_folder import FitRecord
from laborllm.panel import Panel
from laborllm.progress import progress


class TitleForecaster:
    """Forecasts with one text model, for all fitted models that score the text of titles.

    Its scorers, one for each precision of the weights, live as long as it does: the shards of a forecast share them.

    Args:
        model: The text model, or what reads it when it is first used.
        record: What it was fitted on, which says the taxonomy of the forecasts and the splits behind them.

    Attributes:
        costs: What each quantisation changes, once it has been asked for.
    """

    def __init__(self, model: TextModel | Callable[[], TextModel], record: FitRecord) -> None:
        self._given, self.record = model, record
        self.costs: dict[Weights, QuantisationCost] = {}

    @cached_property
    def model(self) -> TextModel:
        """The text model."""
        return self._given if isinstance(self._given, TextModel) else self._given()

    @cached_property
    def _scorers(self) -> dict[Weights, Scorer]:
        return {"fitted": Scorer(self.model)}

    def forecast(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Forecast:
        """The probability of every title for every record, normalised over titles, and the raw mass.

        Args:
            panel: n records, open ones included.
            scoring: How titles are scored; default: exactly.
        """
        panel, options = self.record.over(panel), scoring or ScoringOptions()
        found, careers = [], encode(self.model.encoder, panel)
        scorer = self._scorer(careers, options)
        with progress("score titles", len(panel), "records") as advance:
            for scores in scorer.score(careers, options, remember=True):
                found.append(scores)
                advance(len(scores.log_prob))
        scores = TitleScores.join(found)
        log_mass = np.logaddexp.reduce(scores.log_prob, axis=1)
        return Forecast(
            records=panel.records.select("worker", "year", "occupation"),
            taxonomy=panel.taxonomy,
            log_prob=(scores.log_prob - log_mass[:, None]).astype(np.float32),
            raw_mass=np.exp(log_mass),
            method=self._method(scorer, options),
            error_bound=scores.error_bound if options.method == "pruned" else None,
            greedy_valid=scores.greedy_valid,
            lineage=self.record.lineage,
        )

    def log_likelihood(self, panel: Panel, *, scoring: ScoringOptions | None = None) -> Floats:
        """Log-probability of the text of each observed title, (m,) nats, not normalised; no other title is scored.

        Args:
            panel: Records, m of them observed.
            scoring: How titles are scored; default: exactly.
        """
        panel = self.record.over(panel).observed()
        careers = encode(self.model.encoder, panel)
        scorer = self._scorer(careers, scoring or ScoringOptions())
        log_prob: list[Floats] = []
        with progress("score observed titles", len(panel), "records") as advance:
            for one in loglikelihood(scorer.model, careers):
                log_prob.append(one)
                advance(len(one))
        return np.concatenate(log_prob)

    def paths(self, panel: Panel, draws: int) -> LanguagePaths:
        """Paths that carry the keys and values of their texts along (see `models.paths`).

        Args:
            panel: Careers of W workers, whose last records are open.
            draws: D, paths of each worker.
        """
        return LanguagePaths(NextTitles(self._scorers["fitted"]), self.record.over(panel), draws)

    def _scorer(self, careers: list[EncodedCareer], options: ScoringOptions) -> Scorer:
        """The scorer of the weights that are asked for.

        The cost of quantisation is measured once, on the first careers, and printed to stderr. Raises `OptionError`
        where it is above what the options allow.
        """
        if options.weights not in self._scorers:
            scorer = Scorer(quantised(self.model, options.weights))
            cost = quantisation_cost(self._scorers["fitted"], scorer, options.weights, careers)
            print(cost, file=sys.stderr)
            self._scorers[options.weights], self.costs[options.weights] = scorer, cost
        if options.weights in self.costs:
            self.costs[options.weights].require_within(options.max_tv, options.max_log_ppl_shift)
        return self._scorers[options.weights]

    def _method(self, scorer: Scorer, options: ScoringOptions) -> str:
        products = "bfloat16 products" if scorer.model.decoder.autocast else "float32"
        cost = self.costs.get(options.weights)
        return f"{options.method} ({products}{'' if cost is None else f'; {cost}'})"

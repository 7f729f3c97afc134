"""What the models that read titles from a language model share: a panel through a scorer to a forecast."""

import sys
from dataclasses import dataclass

import numpy as np

from laborllm.errors import RunError
from laborllm.lm.base.load import BaseModel, load_base
from laborllm.lm.base.own_tokens import with_own_tokens
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.scoring.quantisation import round_for_good
from laborllm.lm.scoring.scorer import Scorer
from laborllm.lm.scoring.title_scores import TitleScores
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.recipe import LongCareers, TitleTokens
from laborllm.lm.tuning.truncation import within_context
from laborllm.models.contract import Floats, Forecast
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.text import Template, render


def read_base(
    name: str, template: Template, taxonomy: Taxonomy, title_tokens: TitleTokens, *, layers: int | None = None
) -> tuple[BaseModel, CareerEncoder]:
    """A base model to be tuned, or its first layers, and what writes careers in its tokens. Raises what `load_base` and
    `CareerEncoder` do."""
    base = load_base(name, layers=layers)
    if title_tokens == "own":
        base = with_own_tokens(base, template, taxonomy)
    return base, CareerEncoder(base.tokenizer, template, taxonomy)


def encode(encoder: CareerEncoder, panel: Panel) -> list[EncodedCareer]:
    return list(encoder.encode(render(panel, encoder.template)))


@dataclass(frozen=True)
class Parts:
    """What fine-tuning reads of a panel: careers to train on, those that watch it, and how many records long careers of
    both lost."""

    training: Panel
    watching: Panel
    left_out: int


def readable_parts(
    panel: Panel, encoder: CareerEncoder, context: int, long_careers: LongCareers, *, valid_careers: int, seed: int
) -> Parts:
    """Split train, and some careers of split valid, drawn by the seed, as far as they fit into `context` tokens."""
    observed = panel.subset("valid").observed()
    whole = panel.subset("train").observed(), observed.sample(valid_careers, seed=seed)
    training, watching = (within_context(part, encoder, context, long_careers) for part in whole)
    return Parts(training, watching, sum(map(len, whole)) - len(training) - len(watching))


def forecast_titles(scorer: Scorer, panel: Panel, options: ScoringOptions) -> Forecast:
    """Every title's probability for every record, normalised over titles; the raw mass is kept."""
    found, careers = [], encode(scorer.encoder, panel)
    weights = _choose_weights(scorer, careers, options)
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
        method=f"{options.method} ({'bfloat16 products' if scorer.reader.autocast else 'float32'}{weights})",
        error_bound=scores.error_bound if options.method == "pruned" else None,
        greedy_valid=scores.greedy_valid,
    )


def realised_titles(scorer: Scorer, panel: Panel, options: ScoringOptions) -> Floats:
    """Log-probability of each observed title's text in nats, (m,), not normalised over titles."""
    panel = panel.observed()
    careers = encode(scorer.encoder, panel)
    _choose_weights(scorer, careers, options)
    log_prob: list[Floats] = []
    with progress("score observed titles", len(panel), "records") as advance:
        for one in scorer.realised(careers):
            log_prob.append(one)
            advance(len(one))
    return np.concatenate(log_prob)


def _choose_weights(scorer: Scorer, careers: list[EncodedCareer], options: ScoringOptions) -> str:
    """Round the weights or the products of the scorer if that is asked for, unless it costs too much; what to say of
    them.

    The cost is measured once, on the first careers. Raises `OptionError` where it is above the largest, and where other
    weights are asked for than those that the scorer was rounded to.
    """
    cost = scorer.cost
    if cost is not None and cost.weights != options.weights:
        raise RunError(f"the weights of this model have been rounded ({cost.weights}): load it anew for others")
    if options.weights == "fitted":
        return ""
    if cost is None:
        cost = round_for_good(scorer, options.weights, careers)
        print(cost, file=sys.stderr)
    cost.require_at_most(options.largest_cost, options.largest_shift)
    return f"; {cost}"

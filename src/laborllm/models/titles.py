"""What the models that read titles from a language model share: a panel through a scorer to a forecast."""

import numpy as np

from laborllm.lm.encoding import EncodedCareer
from laborllm.lm.scoring import Method, Scorer
from laborllm.models.contract import Floats, Forecast
from laborllm.panel import Panel
from laborllm.progress import progress
from laborllm.text import render


def encode(scorer: Scorer, panel: Panel) -> list[EncodedCareer]:
    return list(scorer.encoder.encode(render(panel, scorer.encoder.template)))


def forecast_titles(scorer: Scorer, panel: Panel, method: Method) -> Forecast:
    """Every title's probability for every record, normalised over titles; the raw mass is kept."""
    log_prob, greedy_valid = [], []
    with progress("score titles", len(panel), "records") as advance:
        for scores in scorer.score(encode(scorer, panel), method):
            log_prob.append(scores.log_prob)
            greedy_valid.append(scores.greedy_valid)
            advance(len(scores.log_prob))
    raw = np.concatenate(log_prob)
    log_mass = np.logaddexp.reduce(raw, axis=1)
    return Forecast(
        records=panel.records.select("worker", "year", "occupation"),
        taxonomy=panel.taxonomy,
        log_prob=(raw - log_mass[:, None]).astype(np.float32),
        raw_mass=np.exp(log_mass),
        method=f"{method} ({'bfloat16 products' if scorer.reader.autocast else 'float32'})",
        greedy_valid=np.concatenate(greedy_valid),
    )


def realised_titles(scorer: Scorer, panel: Panel) -> Floats:
    """Log-probability of each observed title's text in nats, (n,), not normalised over titles."""
    careers = encode(scorer, panel)
    log_prob: list[Floats] = []
    with progress("score observed titles", len(panel), "records") as advance:
        for one in scorer.realised(careers):
            log_prob.append(one)
            advance(len(one))
    return np.concatenate(log_prob)

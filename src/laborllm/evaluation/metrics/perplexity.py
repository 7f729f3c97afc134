"""Perplexity: exp of the mean negative log-likelihood, pooled over records.

The number of equally probable occupations among which the model would be as unsure (Jelinek et al. 1977; LABOR-LLM,
arXiv 2406.17972, equation 3).
"""

from dataclasses import dataclass

from laborllm.evaluation.arrays import Floats
from laborllm.evaluation.metrics.mean import Mean
from laborllm.evaluation.scores.portions import Portion


@dataclass(frozen=True)
class Loss:
    """The negative log-likelihood of the observed occupation in nats, normalised over titles or not.

    Attributes:
        raw: Take it as the model itself gives it, before any normalisation over titles.
    """

    raw: bool = False

    @property
    def whole(self) -> bool:
        """Whether it needs the whole distribution of a record, not just the probability of what was observed."""
        return not self.raw

    def __call__(self, portion: Portion) -> Floats | None:
        if self.raw:
            return -portion.raw_log_likelihood
        return None if portion.forecast is None else -portion.forecast.log_likelihood


PERPLEXITY = Mean("perplexity", "perplexity", Loss(), exponential=True)
RAW_PERPLEXITY = Mean("raw_perplexity", "raw perplexity", Loss(raw=True), exponential=True)
LOG_SCORE = Mean("log_score", "log score", Loss())

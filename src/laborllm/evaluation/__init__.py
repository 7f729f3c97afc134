"""Forecasts to metrics: perplexity, ranking and calibration, with uncertainty that resamples workers."""

from laborllm.evaluation.evaluate import evaluate
from laborllm.evaluation.results import Evaluation
from laborllm.evaluation.scores import Scores

__all__ = ["Evaluation", "Scores", "evaluate"]

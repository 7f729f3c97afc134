"""Forecasts to metrics, by groups of records, with uncertainty that resamples workers or households."""

from laborllm.evaluation.evaluate import evaluate
from laborllm.evaluation.result import Evaluation

__all__ = ["Evaluation", "evaluate"]

"""Coding: a job title as people write it -> an occupation of the taxonomy, and how sure that is."""

from laborllm.occupations.coding.accuracy import Accuracy, measure_accuracy
from laborllm.occupations.coding.coder import TitleCoder, load_coder

__all__ = ["Accuracy", "TitleCoder", "load_coder", "measure_accuracy"]

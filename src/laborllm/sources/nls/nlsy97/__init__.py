"""NLSY97: the raw extract of the NLS Investigator becomes one record per worker and survey round."""

from laborllm.sources.nls.nlsy97.download import question_list, tagset
from laborllm.sources.nls.nlsy97.import_nlsy97 import import_nlsy97

__all__ = ["import_nlsy97", "question_list", "tagset"]

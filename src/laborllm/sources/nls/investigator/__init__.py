"""Extracts of the National Longitudinal Surveys, as the NLS Investigator hands them out.

extract = read_extract([Path("default.csv"), Path("default.cdb")])
extract.reference("CPSOCC70", "1979")    # "R0046400", or None if it is not in the extract
extract.values["R0046400"]               # a number per person, the missing codes -1 to -5 among them
extract.count_missing("R0046400")        # {"refusal": 0, ..., "invalid skip": 9, "valid skip": 7476, ...}
extract.values.select(answers("R0046400"))    # the same with null for every missing code
"""

from laborllm.sources.nls.investigator.extract import KEY, MISSING, Extract, answers, read_extract
from laborllm.sources.nls.investigator.shipped import ShippedList, load_shipped_list
from laborllm.sources.nls.investigator.variables import Frequency, Variable

__all__ = [
    "KEY",
    "MISSING",
    "Extract",
    "Frequency",
    "ShippedList",
    "Variable",
    "answers",
    "load_shipped_list",
    "read_extract",
]

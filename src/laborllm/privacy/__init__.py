"""Which numbers about people may be shown: the one place that knows the smallest cell and what gives it away.

A *cell* is a set of records of which a count or a statistic is published. Its number is withheld when fewer than
`SMALLEST_CELL` workers stand behind it, or where one or two are nearly all of a magnitude (primary suppression, see
`rules`), and so is whatever would give a withheld number away by adding and subtracting published ones (complementary
suppression, see `suppression`). The names and the defaults are those of ACRO, the output checker of the UK's trusted
research environments (https://arxiv.org/abs/2212.01233). What was withheld of an output is written down next to it: see
`outputs`.

    gender, education = withhold([gender_of_record, education_of_record], worker)  # True where a level is withheld
"""

from laborllm.privacy.frames import CellTable, withhold_counts
from laborllm.privacy.rules import RULES, SMALLEST_CELL, Magnitudes, bound, failing_magnitudes, round_counts
from laborllm.privacy.suppression import withhold

__all__ = [
    "RULES",
    "SMALLEST_CELL",
    "CellTable",
    "Magnitudes",
    "bound",
    "failing_magnitudes",
    "round_counts",
    "withhold",
    "withhold_counts",
]

"""The variables that the importers use, listed with the project: what to download, and what a bare column is.

Each list says for each reference number where it is from: `codebook`, read off a codebook or variable list of the NLS
Investigator, or `published`, gathered from scripts that others published and not yet seen in a codebook.
"""

import csv
from dataclasses import dataclass
from importlib.resources import files

from laborllm.sources.nls.investigator.variables import Variable


@dataclass(frozen=True)
class ShippedList:
    """The variables of one cohort, by reference number, and where each number is from."""

    variables: dict[str, Variable]
    sources: dict[str, str]

    @property
    def tagset(self) -> str:
        """One reference number a line, as the Investigator takes them."""
        return "\n".join(sorted(self.variables))


def load_shipped_list(cohort: str) -> ShippedList:
    """The list of a cohort, such as `nlsy79`."""
    text = (files("laborllm.sources.nls") / f"{cohort}.csv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines()))
    variables = {row["reference"]: Variable(row["reference"], row["question"], row["round"]) for row in rows}
    return ShippedList(variables, {row["reference"]: row["source"] for row in rows})

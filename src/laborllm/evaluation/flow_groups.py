"""Between which of the taxonomy's groups of occupations a record moves."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from laborllm.evaluation.arrays import Indices
from laborllm.occupations import Taxonomy
from laborllm.panel.history import History


@dataclass(frozen=True)
class Flows:
    """Groups of occupations that records can move between.

    Attributes:
        groups: The G groups of the taxonomy, in its order.
        column: The place of each occupation's group, (J,).
    """

    groups: tuple[str, ...]
    column: Indices

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> Self:
        """Between the groups of a taxonomy of J occupations."""
        groups = tuple(dict.fromkeys(taxonomy.groups))
        return cls(groups, np.array([groups.index(group) for group in taxonomy.groups], dtype=np.intp))

    def of_records(self, history: History) -> tuple[Indices, Indices]:
        """Where records come from, and the flow they are part of.

        Args:
            history: Of n records.

        Returns:
            The place of the group of the occupation before, (n,); and origin * G + destination, (n,). -1 at a first
            record.
        """
        origin = np.append(self.column, -1)[history.previous]
        return origin, np.where(origin < 0, -1, origin * len(self.groups) + self.column[history.occupation])

"""Between which of the taxonomy's groups of occupations a record moves."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from laborllm.evaluation.arrays import Indices, compact
from laborllm.occupations import Taxonomy
from laborllm.panel.history import History


@dataclass(frozen=True)
class Flows:
    """The group of the occupation before, and the flow it is part of, of n records.

    Attributes:
        groups: The G groups of the taxonomy, in its order.
        column: The place of each occupation's group, (J,).
        origin: The place of the group of the occupation before, (n,); -1 at a first record.
        flow: origin * G + destination, (n,); -1 at a first record.
    """

    groups: tuple[str, ...]
    column: Indices
    origin: Indices
    flow: Indices

    @classmethod
    def of(cls, history: History, taxonomy: Taxonomy) -> Self:
        """The flows of a panel's records.

        Args:
            history: What came before each of n records.
            taxonomy: The J occupations and their groups.

        Returns:
            Groups and flows of the records.
        """
        groups = tuple(dict.fromkeys(taxonomy.groups))
        column = np.array([groups.index(group) for group in taxonomy.groups], dtype=np.intp)
        origin = np.append(column, -1)[history.previous]
        flow = np.where(origin < 0, -1, origin * len(groups) + column[history.occupation])
        return cls(groups, column, compact(origin), compact(flow))

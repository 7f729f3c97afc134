"""Scores of records in files: of all that is scored, only a block of what is measured at the time is in memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from laborllm.evaluation.arrays import Floats, Numbers
from laborllm.evaluation.scores.blocks import Blocks
from laborllm.evaluation.scores.portions import Score


class ScoreFiles(Mapping[Score, Blocks[Numbers] | None]):
    """The scores of one model, a file of eight bytes a record for each; None for one that it does not give.

    Args:
        folder: Where the files stand.
        scores: What they hold.
    """

    def __init__(self, folder: Path, scores: Sequence[Score]) -> None:
        self._files: dict[Score, Blocks[Numbers] | None] = {
            score: Blocks(folder / str(number)) for number, score in enumerate(scores)
        }

    def append(self, score: Score, values: Floats | None) -> None:
        """Add the values of a block of records.

        Args:
            score: What they are of.
            values: One for each record; None: the model does not give this score.

        Raises:
            StorageError: They cannot be written.
        """
        file = self._files[score]
        if values is None or file is None:
            self._files[score] = None
        else:
            file.append(values.astype(np.float64))

    def __getitem__(self, score: Score) -> Blocks[Numbers] | None:
        return self._files[score]

    def __iter__(self) -> Iterator[Score]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

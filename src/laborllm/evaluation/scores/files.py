"""Scores of records in files: of all that is scored, only what is measured at the time is in memory."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from laborllm.errors import StorageError
from laborllm.evaluation.arrays import Floats, Numbers
from laborllm.evaluation.scores.portions import Score


class ScoreFiles(Mapping[Score, Numbers | None]):
    """The scores of one model, a file of eight bytes a record for each; what is looked up is read, (n,).

    Args:
        folder: Where the files stand.
        scores: What they hold.
    """

    def __init__(self, folder: Path, scores: Sequence[Score]) -> None:
        self._files = {score: folder / f"{number}.float64" for number, score in enumerate(scores)}
        self._missing: set[Score] = set()  # scores that the model does not give

    def append(self, score: Score, values: Floats | None) -> None:
        """Add the values of some more records.

        Args:
            score: What they are of.
            values: One for each record; None: the model does not give this score.

        Raises:
            StorageError: They cannot be written.
        """
        if values is None:
            self._missing.add(score)
            return
        file = self._files[score]
        try:
            with file.open("ab") as opened:
                opened.write(values.astype(np.float64).tobytes())
        except OSError as error:
            reason = error.strerror or error
            raise StorageError(
                f"cannot write scores of the evaluation to {file.parent}: {reason}",
                hint="name a place with more room in TMPDIR",
            ) from error

    def __getitem__(self, score: Score) -> Numbers | None:
        file = self._files[score]
        return None if score in self._missing else np.fromfile(file)

    def __iter__(self) -> Iterator[Score]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

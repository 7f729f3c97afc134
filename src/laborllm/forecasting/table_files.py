"""Tables as files for other programs, some rows at a time: Parquet, CSV and Stata."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import polars as pl

from laborllm.forecasting.stata import write_stata
from laborllm.privacy.outputs import Output, new_output
from laborllm.privacy.spreadsheets import as_texts
from laborllm.storage import new_file, scratch_folder

ROWS = 2**16  # of a Parquet file that are read at a time

Portions = Callable[[], Iterator[pl.DataFrame]]
"""Gives the rows of a table, at least one portion, the same whenever it is called."""


def write_portions(portions: Portions, path: Path, labels: Mapping[str, str] | None = None) -> int:
    """Write a table that need not fit in memory as .parquet, .csv or .dta, as the name of `path` says.

    Args:
        portions: Its rows.
        path: File to write.
        labels: Variable labels by column, which Stata shows.

    Returns:
        How many rows were written.

    Raises:
        CapacityError: More columns or rows, or a longer text, than Stata holds.
        StorageError: The file cannot be written.
    """
    with new_file(path) as file:
        return _write(portions, path, file, labels)


def write_table(
    table: pl.DataFrame, path: Path, labels: Mapping[str, str] | None = None, *, outputs: Sequence[Output] = ()
) -> None:
    """Write rows in memory as .parquet, .csv or .dta, as the name of `path` says.

    Args:
        table: The rows.
        path: File to write.
        labels: Variable labels by column, which Stata shows.
        outputs: What the `disclosure.json` next to it says was checked. Default: it is not listed there.

    Raises:
        CapacityError: More columns or rows, or a longer text, than Stata holds.
        StorageError: The file cannot be written.
    """
    with new_output(path, outputs) if outputs else new_file(path) as file:
        _write(lambda: iter([table]), path, file, labels)


def convert_table(whole: Path, path: Path) -> None:
    """Write a Parquet file as .csv or .dta, some rows at a time.

    Args:
        whole: The Parquet file.
        path: File to write.

    Raises:
        CapacityError: More rows, or a longer text, than Stata holds; `whole` then stays.
        StorageError: The file cannot be written.
    """
    write_portions(partial(_slices, whole), path)


def _slices(file: Path) -> Iterator[pl.DataFrame]:
    rows = int(pl.scan_parquet(file).select(pl.len()).collect().item())
    for start in range(0, max(rows, 1), ROWS):
        yield pl.scan_parquet(file).slice(start, ROWS).collect()


def _write(portions: Portions, path: Path, file: Path, labels: Mapping[str, str] | None) -> int:
    """Write rows to `file`, in the format that `path` says, and count them."""
    if path.suffix == ".dta":
        return write_stata(portions, file, labels)
    written = 0
    if path.suffix == ".csv":
        with file.open("wb") as opened:
            for rows in portions():
                as_texts(rows).write_csv(opened, include_header=opened.tell() == 0)
                written += len(rows)
        return written
    with scratch_folder(path) as folder:
        for number, rows in enumerate(portions()):
            rows.write_parquet(folder / f"{number:06}.parquet")
            written += len(rows)
        pl.scan_parquet(folder).sink_parquet(file)
    return written

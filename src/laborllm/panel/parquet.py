"""Parquet files that say in their metadata what they are."""

from pathlib import Path

import polars as pl

from laborllm.errors import LaborLLMError

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What polars raises where a file is torn or was changed."""


def read_mark(path: Path, mark: str, what: str, verb: str, error: type[LaborLLMError]) -> dict[str, str]:
    """The metadata of a Parquet file that says what it is.

    Args:
        path: The file.
        mark: The metadata key that such a file must have.
        what: What such a file is called in an error, such as "panel".
        verb: The command that makes one, for the error.
        error: The class of the error.

    Returns:
        All metadata of the file.

    Raises:
        LaborLLMError: An `error`, for no file, no Parquet file, or one without the mark.
    """
    if not path.is_file():
        raise error(f"no {what} file at {path}")
    try:
        about = pl.read_parquet_metadata(path)
    except UNREADABLE as found:
        raise error(f"{path} is not a Parquet file: make a {what} with 'laborllm {verb}'") from found
    if mark not in about:
        raise error(f"{path} is a Parquet file but not a {what}: make one with 'laborllm {verb}'")
    return about


def read_marked(
    path: Path, mark: str, what: str, verb: str, error: type[LaborLLMError]
) -> tuple[pl.DataFrame, dict[str, str]]:
    """The rows of a Parquet file that says what it is, and its metadata.

    Args:
        path: The file.
        mark: The metadata key that such a file must have.
        what: What such a file is called in an error, such as "panel".
        verb: The command that makes one, for the error.
        error: The class of the error.

    Returns:
        The rows, and all metadata of the file.

    Raises:
        LaborLLMError: An `error`, for what `read_mark` refuses, and for a file that is torn.
    """
    about = read_mark(path, mark, what, verb, error)
    try:
        return pl.read_parquet(path), about
    except UNREADABLE as found:
        raise error(f"{path} is not a Parquet file: make a {what} with 'laborllm {verb}'") from found

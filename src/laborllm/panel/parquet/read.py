"""Parquet files that say in their metadata what they are, and how large one may be to be read whole."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from laborllm.errors import LaborLLMError
from laborllm.panel.parquet.pages import count_values, require_sound_pages

UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What polars raises where a file is torn or was changed."""

LARGEST = 8 * 2**30
"""Bytes of memory that the rows of a file may fill: compressed, a small file can claim any number of them."""

OF_TEXT, OF_NUMBER = 16, 8  # bytes of a value: polars has the place and the length of a text


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
    try:
        require_sound_pages(path)
    except UNREADABLE as found:
        raise error(f"{path} cannot be read: it is torn or was changed") from found
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
        LaborLLMError: An `error`, for what `read_mark` refuses, and for a file that is torn or takes more memory than
            `LARGEST`.
    """
    about = read_mark(path, mark, what, verb, error)
    try:
        _require_size(path, error, None)  # `read_mark` has checked the headers
        return pl.read_parquet(path), about
    except UNREADABLE as found:
        raise error(f"{path} is not a Parquet file: make a {what} with 'laborllm {verb}'") from found


def read_whole(path: Path, error: type[LaborLLMError], columns: Sequence[str] | None = None) -> pl.DataFrame:
    """The rows of a Parquet file of anybody's that fits in memory.

    Args:
        path: The file.
        error: The class of the error.
        columns: Read only these; None: all.

    Returns:
        The rows.

    Raises:
        LaborLLMError: An `error`, for more memory than `LARGEST`.
        polars.exceptions.PolarsError: One of `UNREADABLE`, for a file that is torn or was changed.
    """
    require_sound_pages(path)
    _require_size(path, error, columns)
    return pl.read_parquet(path, columns=None if columns is None else list(columns))


def _require_size(path: Path, error: type[LaborLLMError], columns: Sequence[str] | None) -> None:
    """Raise `error` for a file whose rows fill more memory than `LARGEST`; texts are measured a few at a time."""
    schema, file, values = pl.read_parquet_schema(path), pl.scan_parquet(path), count_values(path)
    schema = {name: schema[name] for name in columns or schema}
    size = sum(values[name] * _value_size(kind) for name, kind in schema.items())
    of_texts = [_length(pl.col(name), kind) for name, kind in schema.items()]
    lengths = [length.cast(pl.Int64).sum() for length in of_texts if length is not None]
    if size <= LARGEST and lengths:
        size += sum(file.select(lengths).collect(engine="streaming").row(0))
    if size > LARGEST:
        rows = int(file.select(pl.len()).collect().item())
        limit = f"files of more than {LARGEST / 2**30:g} GiB are not read whole"
        raise error(f"{path} holds {rows:,} rows, which fill {size / 2**30:,.1f} GiB of memory: {limit}")


def _length(column: pl.Expr, kind: pl.DataType) -> pl.Expr | None:
    """The bytes of the text in each cell, if a column holds any."""
    if isinstance(kind, pl.BaseExtension):
        return _length(column.ext.storage(), kind.ext_storage())  # type: ignore[arg-type]
    if kind == pl.Binary:
        return column.bin.size()
    if isinstance(kind, pl.Categorical | pl.Enum):
        return column.cat.len_bytes()
    return column.str.len_bytes() if kind == pl.String else None


def _value_size(kind: pl.DataType) -> int:
    """Bytes of memory of a value, of a text without the text itself."""
    while isinstance(kind, pl.Array | pl.List):
        kind = kind.inner  # type: ignore[assignment]
    if kind == pl.Float32:
        return 4
    return OF_TEXT if kind in (pl.String, pl.Binary) or isinstance(kind, pl.Struct) else OF_NUMBER

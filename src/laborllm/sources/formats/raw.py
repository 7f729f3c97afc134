"""Read a table of any supported format into one plain form: text in every cell.

A code is the same code whether a file holds it as the number 10, as 10.0 or as the text " 10 ", so cells become text
here, once, and nothing below has to ask what the file's types were.
"""

import gzip
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import polars as pl
import pyreadstat

from laborllm.errors import SourceError
from laborllm.occupations.crosswalk import normal_code
from laborllm.storage import file_hash

LARGEST_INTEGER = 2**53  # above it a float no longer holds every integer
LARGEST_TEXT = 2 * 2**30  # bytes that a compressed table may inflate to
SAS_RECORD = 80  # a SAS transport file is a whole number of records of so many bytes
SEPARATORS = ",;\t"
UNREADABLE = (
    pl.exceptions.PolarsError,
    pyreadstat.ReadstatError,
    pyreadstat.PyreadstatError,
    OSError,
    EOFError,
    UnicodeError,
    zlib.error,
)
"""What the readers raise for a file that is torn or is not what its name says."""


@dataclass(frozen=True)
class RawTable:
    """Rows of text; null where the file has nothing (an empty cell, a blank, NaN, a user-missing value).

    labels: column -> code -> value label, for the formats that carry them; codes as `normal_code` writes them.
    files: name -> SHA-256 of what the rows came from. notes: where else they came from, and what the reader had to
    decide, such as an encoding.
    """

    frame: pl.DataFrame
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)


def read_raw(path: Path, columns: Sequence[str]) -> RawTable:
    """Read `columns` of the file at `path`; the ending of its name says the format.

    Raises `SourceError` if the file is missing, is not what its name says, or lacks one of the columns.
    """
    if not path.is_file():
        raise SourceError(f"no file at {path}")
    reader = READERS.get(_ending(path))
    if reader is None:
        raise SourceError(f"{path.name}: cannot read this kind of file; use one of {', '.join(READERS)}")
    try:
        table = reader(path, list(dict.fromkeys(columns)))
        return replace(table, frame=in_text(table.frame), files={path.name: file_hash(path)})
    except UNREADABLE as error:
        raise SourceError(f"{path.name} is not a readable {_ending(path)} file: {first_line(error)}") from error


def in_text(frame: pl.DataFrame) -> pl.DataFrame:
    """Every cell as text, null where there is nothing. Raises `SourceError` for a column of lists, bytes or objects."""
    return frame.select(text_columns(frame.schema))


def text_columns(schema: pl.Schema) -> list[pl.Expr]:
    """The columns of a table of that schema as `in_text` has them."""
    for name, dtype in schema.items():
        if dtype.is_nested() or dtype in (pl.Binary, pl.Object):
            raise SourceError(f"column {name!r} holds {dtype}, which is neither text nor number")
    return [_cell_text(pl.col(name), dtype).alias(name) for name, dtype in schema.items()]


def require_columns(where: str, wanted: Sequence[str], there: Sequence[str]) -> None:
    """Raise `SourceError` unless every wanted column is there, once."""
    for name in wanted:
        if name not in there:
            raise SourceError(f"{where} has no column {name!r}; its columns are {' '.join(', '.join(there).split())}")
        if there.count(name) > 1:
            raise SourceError(f"{where} has {there.count(name)} columns named {name!r}: rename or remove one")


def _read_csv(path: Path, columns: list[str]) -> RawTable:
    text, encoding = decode(path.name, read_bytes(path))
    names, cells = split_cells(text)
    require_columns(path.name, columns, names)
    frame = cells.select(pl.col(cells.columns[names.index(name)]).alias(name) for name in columns)
    return RawTable(frame, notes={} if encoding == "UTF-8" else {"encoding": encoding})


def read_bytes(path: Path) -> bytes:
    """The content of a file, inflated if its name ends with `.gz`, to at most `LARGEST_TEXT`."""
    if path.suffix.lower() != ".gz":
        return path.read_bytes()
    with gzip.open(path) as file:
        content = file.read(LARGEST_TEXT + 1)
    if len(content) > LARGEST_TEXT:
        limit = f"{LARGEST_TEXT / 2**30:g} GiB"
        raise SourceError(f"{path.name} inflates to more than {limit}: if it is not a mistake, inflate it first")
    return content


def split_cells(text: str) -> tuple[list[str], pl.DataFrame]:
    """The names in the first line of a table, separated by commas, semicolons or tabs, and the lines below as text."""
    text = (text if "\n" in text else text.replace("\r", "\n")).lstrip("\r\n")  # old Macs end lines with \r alone
    separator = max(SEPARATORS, key=text.partition("\n")[0].count)
    lines = pl.read_csv(text.encode(), separator=separator, infer_schema=False, has_header=False)
    return [(name or "").strip() for name in lines.row(0)], lines[1:]


def _read_parquet(path: Path, columns: list[str]) -> RawTable:
    require_columns(path.name, columns, list(pl.read_parquet_schema(path)))
    return RawTable(pl.read_parquet(path, columns=columns))


def _read_stata(path: Path, columns: list[str]) -> RawTable:
    return _read_with(pyreadstat.read_dta, path, columns)


def _read_spss(path: Path, columns: list[str]) -> RawTable:
    return _read_with(pyreadstat.read_sav, path, columns)


def _read_sas(path: Path, columns: list[str]) -> RawTable:
    return _read_with(pyreadstat.read_sas7bdat, path, columns)


def _read_sas_transport(path: Path, columns: list[str]) -> RawTable:
    if path.stat().st_size % SAS_RECORD:  # the format does not say how many rows there are
        raise OSError(f"its size is not a multiple of {SAS_RECORD} bytes, so it is torn")
    return _read_with(pyreadstat.read_xport, path, columns)


def _read_with(read: Callable[..., tuple[pl.DataFrame, object]], path: Path, columns: list[str]) -> RawTable:
    _, about = read(path, metadataonly=True, output_format="polars")
    require_columns(path.name, columns, about.column_names)  # type: ignore[attr-defined]
    frame, about = read(path, usecols=columns, output_format="polars")
    labels: dict[str, dict[object, str]] = about.variable_value_labels  # type: ignore[attr-defined]
    return RawTable(frame.select(columns), {name: _labels(name, labels.get(name, {})) for name in columns})


READERS: dict[str, Callable[[Path, list[str]], RawTable]] = {
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".tsv": _read_csv,
    ".parquet": _read_parquet,
    ".dta": _read_stata,
    ".sav": _read_spss,
    ".sas7bdat": _read_sas,
    ".xpt": _read_sas_transport,
}


def _ending(path: Path) -> str:
    name = path.name.lower()
    return ".csv.gz" if name.endswith(".csv.gz") else path.suffix.lower()


def decode(name: str, content: bytes) -> tuple[str, str]:
    """The text and the encoding it was in: UTF-8 where the bytes allow it, what Windows and old software write else."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return content.decode("utf-16"), "UTF-16"
    if b"\0" in content:
        raise SourceError(f"{name} is not a text file: it holds zero bytes")
    try:
        return content.decode("utf-8-sig"), "UTF-8"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def _labels(column: str, labels: dict[object, str]) -> dict[str, str]:
    plain: dict[str, str] = {}
    for code, label in labels.items():
        other = plain.setdefault(_label_code(code), label)
        if other != label:
            raise SourceError(f"column {column}: code {_label_code(code)} has two labels, {other!r} and {label!r}")
    return plain


def _label_code(code: object) -> str:
    whole = isinstance(code, float) and code.is_integer()
    return normal_code(str(int(code) if whole else code))  # type: ignore[call-overload]


def _cell_text(column: pl.Expr, dtype: pl.DataType) -> pl.Expr:
    if dtype.is_float():
        return _float_text(column)
    if isinstance(dtype, pl.BaseExtension):  # such as the numeric of PostgreSQL
        column = column.ext.storage()
    text = column.cast(pl.String).str.strip_chars().str.replace(r"^(-?\d+)\.0+$", "$1")
    return pl.when(text != "").then(text)


def _float_text(column: pl.Expr) -> pl.Expr:
    number = column.fill_nan(None)
    whole = (number == number.round()) & (number.abs() < LARGEST_INTEGER)
    return pl.when(whole).then(number.cast(pl.Int64, strict=False).cast(pl.String)).otherwise(number.cast(pl.String))


def first_line(error: Exception) -> str:
    """What an error of a reader says, in one line."""
    return (str(error).splitlines() or [type(error).__name__])[0]

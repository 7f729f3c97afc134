"""Headers of Parquet files: those of any writer are sound, and with any byte changed polars still answers."""

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from laborllm.panel.parquet.pages import require_sound_pages
from laborllm.panel.parquet.read import UNREADABLE

ROWS = 3_000
COLUMNS = pl.DataFrame(
    {
        "whole": range(ROWS),
        "text": [str(number) for number in range(ROWS)],
        "few": ["a", None, "b"] * (ROWS // 3),
        "nothing": pl.Series([None] * ROWS, dtype=pl.Null),
        "no text": pl.Series([None] * ROWS, dtype=pl.String),
        "yes or no": [True, None, False] * (ROWS // 3),
        "list": [[1.0, 2.0], [], None] * (ROWS // 3),
        "struct": [{"x": 1, "y": "one"}] * ROWS,
        "array": np.zeros((ROWS, 3), dtype=np.float32),
        "category": pl.Series(["a", "b", "c"] * (ROWS // 3), dtype=pl.Categorical),
        "day": pl.Series([1] * ROWS).cast(pl.Date),
    }
)


@pytest.mark.parametrize("rows", [ROWS, 1, 0])
@pytest.mark.parametrize("compression", ["zstd", "snappy", "gzip", "lz4", "brotli", "uncompressed"])
def test_what_polars_writes_is_sound(compression: Any, rows: int, tmp_path: Path) -> None:
    file = tmp_path / "own.parquet"
    for options in ({}, {"row_group_size": 1000}, {"statistics": "full", "data_page_size": 500}):
        COLUMNS.head(rows).write_parquet(file, compression=compression, **options)
        require_sound_pages(file)


def test_what_others_write_is_sound(tmp_path: Path) -> None:
    of_duckdb, of_arrow = tmp_path / "duckdb.parquet", tmp_path / "arrow.parquet"
    duckdb.sql(f"copy (select range a, range::varchar b, [1, 2] c from range(5000)) to '{of_duckdb}'")
    require_sound_pages(of_duckdb)
    arrow = pytest.importorskip("pyarrow.parquet")
    for options in (
        {"data_page_version": "2.0"},
        {"use_dictionary": False, "write_page_index": True, "write_page_checksum": True},
        {"version": "1.0", "data_page_size": 200},
    ):
        arrow.write_table(COLUMNS.drop("nothing", "category").to_arrow(), of_arrow, **options)
        require_sound_pages(of_arrow)


@pytest.mark.parametrize("change", [0xFF, 0x01, 0x40])
def test_any_changed_byte_is_refused_or_read(change: int, tmp_path: Path) -> None:
    """Polars alone would end this process for some of them, with an allocation that fails."""
    file = tmp_path / "own.parquet"
    COLUMNS.select("whole", "few").head(30).write_parquet(file, statistics=False)
    whole = file.read_bytes()
    refused = 0
    for at in range(len(whole)):
        changed = bytearray(whole)
        changed[at] ^= change
        file.write_bytes(changed)
        try:
            require_sound_pages(file)
            pl.read_parquet(file)
        except UNREADABLE:
            refused += 1
    assert refused > len(whole) / 3


def test_a_page_that_says_it_holds_fewer_than_no_values(tmp_path: Path) -> None:
    """In Thrift's compact protocol 29 values are 0x3a and -30 are 0x3b: one bit of the header of the first page."""
    file = tmp_path / "own.parquet"
    pl.DataFrame({"text": [None] * 29}, {"text": pl.String}).write_parquet(file, compression="uncompressed")
    whole = file.read_bytes()
    require_sound_pages(file)
    changed = bytearray(whole)
    changed[whole.index(b"\x2c\x15\x3a", 4) + 2] ^= 1
    file.write_bytes(changed)
    with pytest.raises(pl.exceptions.ComputeError, match=r"own\.parquet is no Parquet file, or torn"):
        require_sound_pages(file)


@pytest.mark.parametrize(
    "content", [b"", b"PAR1", b"PAR1" * 3, b"\x80" * 2**20 + b"\0\0\1\0PAR1", b"\x1c" * 99 + b"PAR1"]
)
def test_what_is_no_parquet_file(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "own.parquet").write_bytes(content)
    with pytest.raises(pl.exceptions.ComputeError, match="torn"):
        require_sound_pages(tmp_path / "own.parquet")

"""Files spoilt at random: an import gives a valid panel or raises one line of our own, and nothing else."""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError
from laborllm.panel import Panel
from laborllm.sources import import_table
from laborllm.sources.formats.raw import read_raw
from laborllm.sources.mapping import TableMapping
from sources.test_table import MAPPING, ROWS, WRITERS

TABLES = {"jobs.csv": "code,title\nA,Bakers\nB,Millers\n", "to_jobs.csv": "code,jobs\n0010,A\n0020,B\n0030,A\n"}


class Spoiling(Protocol):
    """What spoils the bytes of a file."""

    def spoil(self, content: bytes) -> bytes: ...


@dataclass(frozen=True)
class Damage:
    """At a share of the way through a file, `removed` bytes make room for `inserted` ones."""

    where: float
    removed: int
    inserted: bytes

    def spoil(self, content: bytes) -> bytes:
        at = int(self.where * len(content))
        return content[:at] + self.inserted + content[at + self.removed :]


BYTES = st.one_of(st.binary(max_size=4), st.sampled_from([b",", b'"', b"\n", b"\r", b"\0", b": ", b"[", b"&a", b"*a"]))
DAMAGES = st.lists(
    st.builds(Damage, st.floats(0, 1), st.sampled_from([0, 1, 1, 4, 30, 10**9]), BYTES), min_size=1, max_size=3
)


def spoil(path: Path, damages: Sequence[Spoiling]) -> None:
    content = path.read_bytes()
    for damage in damages:
        content = damage.spoil(content)
    path.write_bytes(content)


def write(folder: Path, table: str) -> Path:
    """The table and everything that its import needs."""
    for name, text in (TABLES | {"own.yaml": MAPPING}).items():
        (folder / name).write_text(text)
    WRITERS[table](folder / table, pl.DataFrame(ROWS))
    return folder / table


LONGEST = 10  # processor seconds that a small file may take, spoilt or not: what takes longer hangs


@contextlib.contextmanager
def own_error_at_most() -> Iterator[None]:
    errors: list[LaborLLMError] = []
    start = time.process_time()
    try:
        yield
    except LaborLLMError as error:
        errors.append(error)
    assert not any("\n" in str(error) for error in errors)
    assert time.process_time() - start < LONGEST


FUZZ = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)


@pytest.mark.parametrize("spoilt", [*WRITERS, "own.yaml", *TABLES])
@FUZZ
@given(damages=DAMAGES)
def test_import_table(spoilt: str, damages: list[Damage], tmp_path: Path) -> None:
    table = write(tmp_path, spoilt if spoilt in WRITERS else "own.csv")
    spoil(tmp_path / spoilt, damages)
    with own_error_at_most():
        panel = import_table(table, tmp_path / "own.yaml")
        assert panel.provenance.rows_in == len(panel) + sum(panel.provenance.left_out.values())
        assert Panel(panel.records, panel.taxonomy, panel.dataset, panel.provenance).records.equals(panel.records)


@pytest.mark.parametrize("name", WRITERS)
@FUZZ
@given(damages=DAMAGES)
def test_read_raw(name: str, damages: list[Damage], tmp_path: Path) -> None:
    table = write(tmp_path, name)
    spoil(table, damages)
    with own_error_at_most():
        read = read_raw(table, ["person", "job"])
        assert read.frame.schema == {"person": pl.String, "job": pl.String}


@FUZZ
@given(damages=DAMAGES)
def test_mapping_file(damages: list[Damage], tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(MAPPING)
    spoil(tmp_path / "own.yaml", damages)
    with own_error_at_most():
        assert all(isinstance(name, str) and name for name in TableMapping.load(tmp_path / "own.yaml").columns)

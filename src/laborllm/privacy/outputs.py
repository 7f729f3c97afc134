"""What was checked of each output: a file `disclosure.json` next to it, with a status and a reason for every table.

The words are ACRO's: an output passes, is up for review because cells of it were withheld, or fails and is not for
publication. The file itself tells nothing that the output does not: of a withheld cell it does not say whether it is
too small or protects one that is, for with a known total that can give the number away.

    with new_output(path, [checked("estimates", found.estimates, ["group", "level"], "estimate")]) as file:
        file.write_text(page)
"""

import fcntl
import json
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from laborllm.errors import StorageError
from laborllm.privacy.rules import RULES
from laborllm.storage import new_file, read_json

FILE = "disclosure.json"
SUPPRESSED = "threshold or complementary"
"""Why a cell is withheld: fewer than ten workers are behind it, or it would give such a cell away."""

Status = Literal["pass", "review", "fail"]


@dataclass(frozen=True)
class Output:
    """A table, a figure or another set of numbers.

    Attributes:
        name: Of the table, within its file.
        cells: What names each cell, column by column, and its status: "ok", or why it is withheld.
        left_out: How many cells more are withheld that the table does not name, by reason.
        refused: Why it is not for publication; empty where it may go out.
        said: What else there is to say of how it was checked.
    """

    name: str
    cells: Sequence[Mapping[str, object]] = ()
    left_out: Mapping[str, int] = field(default_factory=dict)
    refused: str = ""
    said: str = ""

    @property
    def withheld(self) -> Counter[str]:
        """How many cells are withheld, by reason."""
        named = Counter(str(cell["status"]) for cell in self.cells if cell["status"] != "ok")
        return named + Counter(self.left_out)

    @property
    def status(self) -> Status:
        """ACRO's word for it."""
        return "fail" if self.refused else "review" if self.withheld else "pass"

    @property
    def summary(self) -> str:
        """The status and its reason."""
        suppressed = [f"{reason}: {cells:,} cells suppressed" for reason, cells in self.withheld.items()]
        return "; ".join([self.status, *filter(None, [self.refused, *suppressed, self.said])])

    def as_json(self) -> dict[str, Any]:
        """The entry of the file."""
        shown = sum(cell["status"] == "ok" for cell in self.cells)
        return {
            "name": self.name,
            "status": self.status,
            "summary": self.summary,
            "shown": shown,
            "withheld": dict(self.withheld),
            "cells": [dict(cell) for cell in self.cells],
        }


def checked(
    name: str,
    frame: pl.DataFrame,
    keys: Sequence[str],
    shown: str | None = None,
    *,
    note: str | None = None,
    left_out: int = 0,
    said: str = "",
) -> Output:
    """The entry of a tidy table whose withheld cells are missing numbers, or missing rows.

    Args:
        name: Of the table.
        frame: The table.
        keys: The columns that name a cell; of equal ones the first counts.
        shown: The column that is missing where a cell is withheld. Default: all rows are shown.
        note: The column that says why. Default: for the usual reason.
        left_out: How many cells are withheld by leaving out their rows.
        said: What else there is to say.

    Returns:
        The entry.

    Examples:
        >>> table = pl.DataFrame({"level": ["men", "women"], "workers": [12, None]})
        >>> checked("gender", table, ["level"], "workers").summary
        'review; threshold or complementary: 1 cells suppressed'
    """
    why = pl.lit(SUPPRESSED) if note is None else pl.col(note).fill_null(SUPPRESSED)
    status = pl.lit("ok") if shown is None else pl.when(pl.col(shown).is_not_null()).then(pl.lit("ok")).otherwise(why)
    cells = frame.select(*keys, status.alias("status")).unique(keys, keep="first", maintain_order=True)
    return Output(name, cells.to_dicts(), {SUPPRESSED: left_out} if left_out else {}, said=said)


@contextmanager
def new_output(path: Path, outputs: Sequence[Output]) -> Iterator[Path]:
    """Yield a sibling path to write as `storage.new_file` does; next to it, `disclosure.json` lists what is in it, and
    does so before it is there, so that no file has an earlier one's list.

    Args:
        path: The file to write.
        outputs: What is in it; it may be filled within the block.

    Raises:
        StorageError: `path` cannot be written, or a file `disclosure.json` there is none of laborllm's.
    """
    if path.name == FILE:
        raise StorageError(f"{path} lists what is in the other files of its folder: choose another name")
    _read(path.parent / FILE)
    with new_file(path) as file:
        yield file
        record(path.parent, {path.name: outputs})


def record(folder: Path, files: Mapping[str, Sequence[Output]]) -> None:
    """Write what is in each file of a folder to its `disclosure.json`; what other files are said to hold stays.

    Args:
        folder: Where the files are.
        files: Name of each -> what is in it.

    Raises:
        StorageError: It cannot be written, or is none of laborllm's.
    """
    with _held(folder):
        known = _read(folder / FILE)
        found = {name: [output.as_json() for output in outputs] for name, outputs in files.items()}
        with new_file(folder / FILE) as file:
            file.write_text(json.dumps({"rules": RULES, "files": known | found}, indent=1, default=str))


def _read(path: Path) -> dict[str, Any]:
    """What the files of a folder are said to hold."""
    if not path.exists():
        return {}
    try:
        return dict(read_json(path)["files"])
    except (StorageError, ValueError, KeyError, TypeError) as error:
        raise StorageError(f"{path} is no list of outputs of laborllm: move it, or write elsewhere") from error


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Hold a folder, so that two processes that write to it do not undo what the other has listed."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise StorageError(f"{folder} cannot be opened: {error.strerror}") from error
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)

"""A long forecast, some careers at a time: what has been forecast stays when the work is interrupted.

Next to the file to be written is a folder with a shard for each portion of the careers, and a manifest: a line for
the forecast that they are part of, then one with the hash of each shard. A shard also says itself which forecast it is
part of, and at which place. One that is torn, changed, or of another place or forecast is computed again. The portions
follow from the panel, so a forecast that was interrupted is, byte for byte, the one that went through; and no more than
one of them is in memory at a time.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from laborllm.errors import StorageError
from laborllm.models.contract import Forecaster
from laborllm.panel.store import Careers
from laborllm.progress import progress
from laborllm.storage import file_hash, make_folder, new_file, sole_writer

RECORDS = 1024  # of a shard, and the rest of its last career
ROWS_TOGETHER = 4096  # of the file: how many are in memory while it is written
MANIFEST = "manifest.jsonl"
UNFINISHED = ".[0-9]*.parquet.*.partial"  # what a kill leaves of a shard that was being written
MARK = "laborllm.shard"


def forecast_to_file(model: Forecaster, careers: Careers, path: Path, *, identity: str, records: int = RECORDS) -> int:
    """Forecast every record and save the forecasts as one file, taking up what an interrupted call left.

    Args:
        model: Forecasts the records of each career from their own past.
        careers: A panel, or a file with one, which is then never in memory as a whole.
        path: File to write; shards stand in the folder `path` + ".shards" until it is whole.
        identity: Says what the model is and how it forecasts.
        records: Records of a shard, at least; the career that the last of them is in is whole.

    Returns:
        How many forecasts the file holds.

    Raises:
        StorageError: The folder holds shards of another model, panel or way to forecast, or nothing that is known here;
            or another process is writing this file.

    Examples:
        `forecast_to_file(model, PanelFile.open(panel), Path("forecast.parquet"), identity=model.name)`
    """
    forecast = hashlib.sha256(f"{identity}\n{records}\n{careers.fingerprint}".encode()).hexdigest()
    with sole_writer(path):
        _forecast_to_file(model, careers, path, forecast, records)
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())


def _forecast_to_file(model: Forecaster, careers: Careers, path: Path, forecast: str, records: int) -> None:
    shards = Shards.open(path.with_name(f"{path.name}.shards"), forecast)
    files = []
    with progress("forecast", len(careers), "records") as advance:
        for number, portion in enumerate(careers.portions(records)):
            if not shards.has(number):
                model.forecast(portion).save(shards.file(number), {MARK: shards.mark(number)})
                shards.add(number)
            files.append(shards.file(number))
            advance(len(portion))
    _join(files, path)
    shards.remove(len(files))


@dataclass(frozen=True)
class Shards:
    """The folder of the shards of one forecast.

    Attributes:
        folder: Where they stand, with their manifest.
        forecast: Hash of the model, how it forecasts, and the careers.
        hashes: SHA-256 of each shard that the manifest had when the folder was opened, by its number.
    """

    folder: Path
    forecast: str
    hashes: dict[int, str]

    @classmethod
    def open(cls, folder: Path, forecast: str) -> "Shards":
        """Make the folder, or read its manifest. Raises `StorageError` if it is another forecast's, or nobody's."""
        manifest = folder / MANIFEST
        make_folder(folder)
        for leftover in folder.glob(UNFINISHED):
            leftover.unlink()
        head, *lines = _lines(manifest) or [""]
        if head != json.dumps({"forecast": forecast}):
            if any(file != manifest for file in folder.iterdir()):
                found = "parts of another forecast" if head else "no manifest that can be read"
                raise StorageError(f"{folder} holds {found}: remove it, or write to another place")
            lines = []
        shards = cls(folder, forecast, dict(_hashes(lines)))
        with new_file(manifest) as file:
            known = [_line(number, sha256) for number, sha256 in shards.hashes.items()]
            file.write_text("".join(f"{line}\n" for line in (json.dumps({"forecast": forecast}), *known)))
        return shards

    def file(self, number: int) -> Path:
        return self.folder / f"{number:06}.parquet"

    def mark(self, number: int) -> str:
        """What a shard says of itself: its forecast and its place in it."""
        return json.dumps({"forecast": self.forecast, "number": number})

    def has(self, number: int) -> bool:
        """Whether a shard is there, whole and at its place."""
        file = self.file(number)
        if not file.is_file() or file_hash(file) != self.hashes.get(number):
            return False
        return pl.read_parquet_metadata(file).get(MARK) == self.mark(number)

    def add(self, number: int) -> None:
        """Write the hash of a shard that is whole into the manifest."""
        try:
            with (self.folder / MANIFEST).open("a") as manifest:
                manifest.write(f"{_line(number, file_hash(self.file(number)))}\n")
        except OSError as error:
            raise StorageError(f"cannot write {self.folder / MANIFEST}: {error.strerror or error}") from error

    def remove(self, shards: int) -> None:
        """Remove the first shards and the manifest, and the folder if nothing else is in it."""
        for number in range(shards):
            self.file(number).unlink()
        (self.folder / MANIFEST).unlink()
        if not any(self.folder.iterdir()):
            self.folder.rmdir()


def _lines(manifest: Path) -> list[str]:
    """The lines of a manifest that were written to their end."""
    if not manifest.is_file():
        return []
    text = manifest.read_text(errors="replace")
    return text[: text.rfind("\n") + 1].splitlines()


def _line(number: int, sha256: str) -> str:
    return json.dumps({"number": number, "sha256": sha256})


def _hashes(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Number and SHA-256 of each shard; a line that was changed says nothing."""
    for line in lines:
        try:
            stated = json.loads(line)
            yield int(stated["number"]), str(stated["sha256"])
        except (ValueError, TypeError, KeyError):
            continue


def _join(shards: list[Path], path: Path) -> None:
    """Write the rows of all shards, one after the other, as one forecast."""
    about = {name: text for name, text in pl.read_parquet_metadata(shards[0]).items() if name.startswith("laborllm.")}
    about.pop(MARK)
    with new_file(path) as file:
        pl.scan_parquet(shards).sink_parquet(file, metadata=about, row_group_size=ROWS_TOGETHER)

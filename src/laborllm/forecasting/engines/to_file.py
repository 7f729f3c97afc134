"""Long results as files, written shard by shard: what is ready stays when the work is interrupted."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from laborllm.errors import InputError, StorageError
from laborllm.forecasting.engines.engine import LOCAL, Engine
from laborllm.forecasting.engines.job import Compute
from laborllm.forecasting.engines.shards import Shards
from laborllm.models.contract import Forecaster
from laborllm.panel import Panel
from laborllm.panel.files.store import Careers
from laborllm.progress import progress
from laborllm.storage import new_file, require_file, sole_writer

if TYPE_CHECKING:
    from laborllm.forecasting.simulation.education import EducationByModel, EducationChain

SIMULATED = "laborllm.simulation"  # what the metadata of a simulation has
RECORDS = 1024  # of a shard, and the rest of its last career


def forecast_to_file(
    model: Forecaster,
    careers: Careers,
    path: Path,
    *,
    identity: str,
    engine: Engine = LOCAL,
    records: int = RECORDS,
) -> int:
    """Forecast every record and save the forecasts as one file, taking up what an interrupted call left.

    Args:
        model: Forecasts the records of each career from their own past.
        careers: A panel, or a file with one, which is then never in memory as a whole.
        path: File to write; shards stand in the folder `path` + ".shards" until it is whole.
        identity: Says what the model is and how it forecasts.
        engine: Where it is computed.
        records: Records of a shard, at least; the career that the last of them is in is whole.

    Returns:
        How many forecasts the file holds.

    Raises:
        OptionError: An engine of several processes, and careers that are in no file.
        StorageError: The folder holds shards of another model, panel or way to forecast, or nothing that is known here;
            or another process is writing this file.

    Examples:
        `forecast_to_file(model, PanelFile.open(panel), Path("forecast.parquet"), identity=model.name)`
    """
    return _to_file("forecast", model.forecast, careers, path, identity=identity, engine=engine, records=records)


def simulate_to_file(
    model: Forecaster,
    careers: Careers,
    path: Path,
    *,
    years: Iterable[int] | None = None,
    draws: int = 1000,
    top: int | None = None,
    seed: int = 0,
    education: "EducationChain | EducationByModel | None" = None,
    sample_titles: bool = False,
    identity: str,
    engine: Engine = LOCAL,
    records: int = RECORDS,
) -> int:
    """Simulate every career and save where its worker is in each year as one file, as `forecast_to_file` does.

    Args:
        model: Any fitted model.
        careers: A panel, or a file with one, which is then never in memory as a whole.
        path: Parquet file to write, with the columns of `summaries.probabilities`.
        years: Years to simulate, after the last record of each career; default: the open records of the panel.
        draws: Paths of each worker.
        top: Keep this many occupations of each worker and year; default: all.
        seed: Seed of the draws.
        education: Draws the education of the open records. Default: it is as they have it.
        sample_titles: A language model draws titles token by token from the second year on.
        identity: Says what the model is, and what education is drawn from.
        engine: Where it is computed.
        records: Records of a shard, at least.

    Returns:
        How many rows the file holds.

    Raises:
        OptionError: An engine of several processes, and careers that are in no file.
        PanelError: Years that are not after the last record of every career.
        StorageError: The folder holds shards of another result.
    """
    ahead = None if years is None else tuple(years)
    drawn = partial(
        _simulated,
        model,
        years=ahead,
        draws=draws,
        top=top,
        seed=seed,
        education=education,
        sample_titles=sample_titles,
    )
    stated = f"{identity}\n{ahead}\n{draws}\n{top}\n{seed}\n{sample_titles}"
    return _to_file("simulate", drawn, careers, path, identity=stated, engine=engine, records=records)


@dataclass(frozen=True)
class _Probabilities:
    table: pl.DataFrame

    def save(self, path: Path, about: Mapping[str, str] = {}, /) -> None:
        with new_file(path) as file:
            self.table.write_parquet(file, metadata={SIMULATED: ""} | dict(about))


def _simulated(
    model: Forecaster,
    careers: Panel,
    *,
    years: tuple[int, ...] | None,
    draws: int,
    top: int | None,
    seed: int,
    education: "EducationChain | EducationByModel | None",
    sample_titles: bool,
) -> _Probabilities:
    from laborllm.forecasting.simulation.simulate import simulate
    from laborllm.forecasting.summaries import probabilities

    found = simulate(
        model, careers, years=years, draws=draws, seed=seed, education=education, sample_titles=sample_titles
    )
    return _Probabilities(probabilities(found, top=top))


def _to_file(
    doing: str, compute: Compute, careers: Careers, path: Path, *, identity: str, engine: Engine, records: int
) -> int:
    result = hashlib.sha256(f"{doing}\n{identity}\n{records}\n{careers.fingerprint}".encode()).hexdigest()
    require_file(path)
    with sole_writer(path):
        shards = Shards.open(path.with_name(f"{path.name}.shards"), result)
        ready: set[int] = set()
        kept = f"{shards.folder} keeps the parts that are ready: the same command resumes from there"
        try:
            with progress(doing, len(careers), "records") as advance:
                for done in engine.run(compute, careers, shards, records):
                    if done.sha256 != shards.hashes.get(done.number):
                        shards.add(done.number, done.sha256)
                    ready.add(done.number)
                    advance(done.records)
            shards.join(len(ready), path)
        except InputError:  # giving the same command again would not help
            shards.remove(ready)
            raise
        except StorageError as error:
            error.hint = kept
            raise
        except KeyboardInterrupt as interrupt:
            raise KeyboardInterrupt(kept) from interrupt
        shards.remove(ready)
    return int(pl.scan_parquet(path).select(pl.len()).collect().item())

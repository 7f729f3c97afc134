"""The verb that continues careers over years to come."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypedDict

from cyclopts import Parameter

from laborllm.cli.ahead.people import (
    FEW,
    READ_SO,
    Draws,
    MustMove,
    PeopleFile,
    ReadSo,
    TopOfYear,
    as_panel_file,
    require_few,
    require_top,
    require_unread,
    until_written,
)
from laborllm.cli.options import Machines, RunFolder, Seed, SomeSplit, SomeWorkers
from laborllm.cli.places import TO_FILE
from laborllm.errors import OptionError
from laborllm.forecasting.engines.engine import LOCAL, Engine

if TYPE_CHECKING:
    from laborllm.forecasting.simulation.education import EducationByModel, EducationChain
    from laborllm.models.contract import Forecaster
    from laborllm.panel.files.store import PanelFile as PanelTable


@dataclass(frozen=True)
class DrawnOptions:
    """What is drawn besides occupations, and how.

    Attributes:
        education_from: Draw education from a small chain, fitted on this panel file; default: it stays as it is.
        education_levels: Let a language model draw education among these levels; default: it stays as it is.
        sample_titles: Let a language model draw titles token by token; probabilities are then counts of paths.
    """

    education_from: Path | None = None
    education_levels: tuple[str, ...] | None = None
    sample_titles: bool = False


class Asked(TypedDict):
    """What is simulated: which years, on how many paths, and what is drawn."""

    years: list[int] | None
    draws: int
    seed: int
    education: "EducationChain | EducationByModel | None"
    sample_titles: bool


DrawnSo = Annotated[DrawnOptions, Parameter(name="*")]
DRAWN_SO = DrawnOptions()


def simulate(
    run: RunFolder,
    people: PeopleFile,
    /,
    *,
    years: list[int] | None = None,
    out: Annotated[Path | None, TO_FILE] = None,
    top: TopOfYear = None,
    draws: Draws = 1000,
    split: SomeSplit = None,
    workers: SomeWorkers = None,
    seed: Seed = 0,
    must_move: MustMove = False,
    drawn: DrawnSo = DRAWN_SO,
    engine: Machines = LOCAL,
    read: ReadSo = READ_SO,
) -> None:
    """Write where workers are in each of several years, with the Monte Carlo error of every probability.

    A row per worker, year and occupation. Covariates are held at their last value, unless education is drawn. Without
    `--out`, what is said of each of up to thirty people is printed. Groups and what-if are verbs of their own, other
    tables functions of the library.

    Example: `laborllm simulate runs/transition nlswork.parquet --years 1989 1990 --top 5 --out years.csv`

    Args:
        years: Years to simulate, all after the last record; default: the open records of the panel.
        out: File to write; its name says the format: .parquet, .csv or .dta (Stata). Default: print what is said of
            each of a few people.
    """
    from laborllm import api
    from laborllm.cli.data.unknown import report_unknown
    from laborllm.models.must_move import MustMove as MustMovers
    from laborllm.models.registry import state_of
    from laborllm.panel.files.store import PanelFile

    _require(out, top)
    education, fitted = _education(drawn), api.load(run)
    model = MustMovers(fitted) if must_move else fitted
    asked: Asked = {
        "years": years,
        "draws": draws,
        "seed": seed,
        "education": education,
        "sample_titles": drawn.sample_titles,
    }
    with as_panel_file(people, read, before=None if years is None else min(years)) as panel:
        careers = PanelFile.open(panel).select(split, workers, seed=seed)
        report_unknown({str(run): fitted}, careers)
        if out is None:
            _print(model, careers, top, asked)
            return
        identity = f"{state_of(run)}\n{must_move}\n{education}"  # parts of another simulation are not used
        rows = _write(model, careers, out, people, identity, engine, top, asked)
    held = "covariates held" if education is None else "education drawn, other covariates held"
    print(f"{out}: {rows:,} rows, {draws:,} paths of each worker; {held}", file=sys.stderr)


def _require(out: Path | None, top: int | None) -> None:
    """Refuse what could not be written or printed, before any work."""
    from laborllm.forecasting.export import require_table

    if out is None:
        require_top(top)
    else:
        require_table(out, "long", top)


def _print(model: "Forecaster", careers: "PanelTable", top: int | None, asked: Asked) -> None:
    """Say where each worker is in each year, and of how many paths that is known, under which assumptions."""
    from laborllm.forecasting.frequencies import TOP, natural_frequencies
    from laborllm.forecasting.simulation.simulate import simulate as simulate_careers
    from laborllm.report.sentences import sentences

    require_few(careers)
    paths = simulate_careers(model, next(careers.portions(len(careers))), **asked)
    print("\n".join(sentences(natural_frequencies(paths, top=top or TOP), FEW)))
    error = 100 * float(paths.error.max())
    print(
        f"{paths.draws:,} paths of each worker, which leave an error of up to {error:.1f} in 100; {paths.assumptions}",
        file=sys.stderr,
    )


def _education(drawn: DrawnOptions) -> "EducationChain | EducationByModel | None":
    """What education is drawn from."""
    from laborllm import api
    from laborllm.forecasting.simulation.education import EducationByModel, EducationChain
    from laborllm.sources.spellings import as_panel_word

    if drawn.education_from is not None and drawn.education_levels is not None:
        raise OptionError(
            "education is drawn from a chain or by the model, not by both", hint="give one of the options"
        )
    if drawn.education_from is not None:
        return EducationChain.fit(api.read_panel(drawn.education_from))
    if drawn.education_levels is None:
        return None
    return EducationByModel(tuple(as_panel_word("education", level) for level in drawn.education_levels))


def _write(
    model: "Forecaster",
    careers: "PanelTable",
    out: Path,
    people: Path,
    identity: str,
    engine: Engine,
    top: int | None,
    asked: Asked,
) -> int:
    """Write the table, by way of a Parquet file if it is to be another, and say how many rows it has."""
    from laborllm.forecasting.engines.to_file import simulate_to_file
    from laborllm.forecasting.table_files import convert_table
    from laborllm.storage import make_folder

    make_folder(out.resolve().parent)
    whole = out if out.suffix == ".parquet" else out.with_name(f"{out.name}.parquet")
    if whole != out:
        require_unread(whole, people)
    rows = simulate_to_file(model, careers, whole, top=top, identity=identity, engine=engine, **asked)
    if whole != out:
        with until_written(whole, "the same table as Parquet"):
            convert_table(whole, out)
    return rows

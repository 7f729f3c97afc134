"""Who is asked, and when: the worker-years of a synthetic survey and their covariates, before anybody has a job."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import SourceError
from laborllm.sources.synthetic.parameters import EDUCATION, ETHNICITIES, GENDERS, REGIONS, DgpParameters

AGE_OF_LEVEL = np.array([0, 18, 20, 22, 25])  # when each level of education is reached at the earliest


def draw_people(workers: int, parameters: DgpParameters, generator: np.random.Generator) -> pl.DataFrame:
    """Draw who is interviewed and when, before anybody has a job.

    Nothing here depends on an occupation, so a process of occupations may take all of it as given.

    Args:
        workers: How many people; every one has a record.
        parameters: Of the data-generating process.
        generator: Draws.

    Returns:
        The columns of a panel but occupation, weight and split, sorted by worker and year.

    Raises:
        SourceError: Birth years for which nobody is interviewed at an age in `ages`.
    """
    years = _interview_years(parameters)
    born = generator.integers(parameters.birth_years[0], parameters.birth_years[1] + 1, workers)
    asked = _asked(born, years, parameters, generator)
    who, when = np.nonzero(asked)
    final = generator.choice(len(EDUCATION), workers, p=parameters.education)
    reached = np.searchsorted(AGE_OF_LEVEL, years[when] - born[who], side="right") - 1
    region = _regions(workers, len(years), parameters, generator)
    width = len(str(workers))
    return pl.DataFrame(
        {
            "worker": np.array([f"{worker:0{width}d}" for worker in range(1, workers + 1)])[who],
            "year": years[when].astype(np.int16),
            "education": _named(EDUCATION, np.minimum(final[who], reached), parameters.unknown, generator),
            "gender": _named(GENDERS, generator.integers(len(GENDERS), size=workers)[who]),
            "ethnicity": _named(ETHNICITIES, generator.choice(len(ETHNICITIES), workers, p=parameters.ethnicity)[who]),
            "region": _named(REGIONS, region[who, when], parameters.unknown, generator),
            "birth_year": born[who].astype(np.int16),
        }
    )


def _interview_years(parameters: DgpParameters) -> NDArray[np.int64]:
    yearly = np.arange(parameters.first_year, parameters.last_year + 1)
    return np.asarray(yearly[(yearly <= parameters.yearly_until) | ((yearly - parameters.yearly_until) % 2 == 0)])


def _asked(
    born: NDArray[np.int64], years: NDArray[np.int64], parameters: DgpParameters, generator: np.random.Generator
) -> NDArray[np.bool_]:
    """Which interviews take place, (workers, years): the first one for which a worker has the age always does."""
    age = years - born[:, None]
    of_age = (age >= parameters.ages[0]) & (age <= parameters.ages[1])
    if not of_age.any(axis=1).all():
        raise SourceError(f"no interview at ages {parameters.ages} for everybody born in {parameters.birth_years}")
    number = of_age.cumsum(axis=1)
    until = generator.geometric(max(parameters.attrition, 1e-12), len(born))
    answers = (number <= until[:, None]) & (generator.random(age.shape) >= parameters.missed)
    return np.asarray(of_age & ((number == 1) | answers))


def _regions(
    workers: int, interviews: int, parameters: DgpParameters, generator: np.random.Generator
) -> NDArray[np.intp]:
    """Region at each interview, (workers, interviews): where the last relocation led."""
    drawn = generator.choice(len(REGIONS), (workers, interviews), p=parameters.region)
    moves = generator.random((workers, interviews)) < parameters.relocation
    since = np.maximum.accumulate(np.where(moves, np.arange(interviews), 0), axis=1)
    return np.asarray(np.take_along_axis(drawn, since, axis=1))


def _named(
    names: tuple[str, ...],
    values: NDArray[np.intp],
    unknown: float = 0.0,
    generator: np.random.Generator | None = None,
) -> pl.Series:
    """Names of values, null for a share of `unknown`."""
    series = pl.Series(values).replace_strict(dict(enumerate(names)), return_dtype=pl.String)
    if generator is None:
        return series
    return series.zip_with(pl.Series(generator.random(len(values)) >= unknown), pl.Series([None], dtype=pl.String))

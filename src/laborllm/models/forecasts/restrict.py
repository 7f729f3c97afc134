"""A forecast over fewer occupations or coarser states, so that models over different taxonomies can be compared.

With A the occupations of the smaller taxonomy and S(k) the finer states that make up k,

    P(k | A) = sum_{i in S(k)} P(i) / sum_{l in A} sum_{i in S(l)} P(i).
"""

from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import InputError
from laborllm.models.forecasts.forecast import Forecast
from laborllm.occupations import Taxonomy
from laborllm.occupations.taxonomy import COARSER


def restrict(forecast: Forecast, taxonomy: Taxonomy) -> Forecast:
    """Express a forecast over another taxonomy: sum finer states, leave out what it does not have, and renormalise.

    Args:
        forecast: n records over K occupations.
        taxonomy: J occupations, each among the K, or a state that some of the K are part of.

    Returns:
        The forecast over the J, the observed occupations too. Its raw mass is what the model put on these J, its error
        bound holds for the conditional distribution, and its method says what was left out. The forecast itself if it
        has this taxonomy.

    Raises:
        InputError: The forecast gives no probability to one of the J, or one of its records is in none of them.

    Examples:
        `restrict(fitted.forecast(resumes), resumes.taxonomy)` has no states, as the resumes have none.
    """
    if forecast.taxonomy == taxonomy:
        return forecast
    target = _targets(forecast.taxonomy, taxonomy)
    joint = np.full((len(forecast.log_prob), len(taxonomy)), -np.inf)  # (n, J)
    for column in np.flatnonzero(target >= 0):
        joint[:, target[column]] = np.logaddexp(joint[:, target[column]], forecast.log_prob[:, column])
    log_mass = np.logaddexp.reduce(joint, axis=1)
    mass = np.exp(np.minimum(log_mass, 0))
    left_out = int((target < 0).sum())
    return replace(
        forecast,
        records=forecast.records.with_columns(_observed(forecast, taxonomy, target)),
        taxonomy=taxonomy,
        log_prob=(joint - log_mass[:, None]).astype(np.float32),
        raw_mass=forecast.raw_mass * mass,
        method=f"{forecast.method}, renormalised without {left_out} occupations" if left_out else forecast.method,
        error_bound=None if forecast.error_bound is None else np.minimum(forecast.error_bound / mass, 1),
    )


def _targets(ours: Taxonomy, taxonomy: Taxonomy) -> NDArray[np.intp]:
    """Where each of the K occupations of `ours` goes, (K,): a column of `taxonomy`, or -1."""
    same = {code for code in ours.codes if code in taxonomy.position and ours.title(code) == taxonomy.title(code)}
    becomes = (code if code in same else COARSER.get(code, "") for code in ours.codes)
    target = np.array([taxonomy.position.get(code, -1) for code in becomes], dtype=np.intp)
    for column, code in enumerate(taxonomy.codes):
        if column not in target:
            raise InputError(
                f"the forecast over taxonomy {ours.name} gives no probability to {code} ({taxonomy.title(code)})"
            )
    return target


def _observed(forecast: Forecast, taxonomy: Taxonomy, target: NDArray[np.intp]) -> pl.Series:
    """The observed occupation of each record in the codes of `taxonomy`; null where the record is open."""
    becomes = {
        code: taxonomy.codes[column]
        for code, column in zip(forecast.taxonomy.codes, target, strict=True)
        if column >= 0
    }
    codes = forecast.records["occupation"]
    found = codes.replace_strict(becomes, default=None, return_dtype=pl.String)
    lost = codes.filter(codes.is_not_null() & found.is_null())
    if len(lost):
        raise InputError(f"the forecast has records of code {lost.sort()[0]}, which taxonomy {taxonomy.name} lacks")
    return found

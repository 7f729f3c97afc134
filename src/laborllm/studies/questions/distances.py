"""Distances between occupations that the user brings, such as those of O*NET ratings, next to a model's vectors."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import polars as pl

from laborllm.errors import SourceError
from laborllm.evaluation.arrays import Numbers

FEWEST = 3  # pairs that a correlation takes
COLUMNS = {"occupation": pl.String, "other": pl.String, "distance": pl.Float64}


def read_distances(path: Path, codes: Sequence[str]) -> Numbers:
    """Distances between the J occupations of a taxonomy, (J, J), the same both ways; NaN for a pair that is not known.

    Args:
        path: A CSV file with the columns occupation and other, which are codes, and distance.
        codes: Of the taxonomy; what the file says of others is not used.

    Raises:
        SourceError: No such file, another form of it, or a pair with two distances.
    """
    try:
        rows = pl.read_csv(path, schema_overrides=COLUMNS).select(*COLUMNS)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SourceError(f"{path} is no CSV file with the columns {', '.join(COLUMNS)}") from error
    place = {code: at for at, code in enumerate(codes)}
    found = np.full((len(codes), len(codes)), np.nan)
    for one, other, distance in rows.drop_nulls().iter_rows():
        if one not in place or other not in place:
            continue
        for pair in ((place[one], place[other]), (place[other], place[one])):
            if np.isfinite(found[pair]) and found[pair] != distance:
                raise SourceError(f"{path} has two distances between {one} and {other}: {found[pair]} and {distance}")
            found[pair] = distance
    return found


def rank_agreement(similar: Numbers, distances: Numbers, *, shuffles: int) -> tuple[int, float, float]:
    """Whether occupations with similar vectors are near each other (the test of Mantel 1967, on ranks).

    Args:
        similar: Cosines of the vectors of k occupations, (k, k).
        distances: Between them, (k, k); NaN for pairs that are not known.
        shuffles: How often occupations are exchanged for the p-value.

    Returns:
        How many pairs are known, Spearman's correlation of similarity with nearness over them, and the chance of one as
        high were occupations exchanged at random; not a number for both with fewer than `FEWEST` pairs.
    """
    one, other = np.nonzero(np.triu(np.isfinite(distances), 1))
    if len(one) < FEWEST:
        return len(one), float("nan"), float("nan")
    near, generator = _ranks(-distances[one, other]), np.random.default_rng(0)
    own = float(_ranks(similar[one, other]) @ near)
    orders = (generator.permutation(len(similar)) for _ in range(shuffles))
    as_high = sum(float(_ranks(similar[order[one], order[other]]) @ near) >= own for order in orders)
    return len(one), own, (1 + as_high) / (1 + shuffles)


def _ranks(values: Numbers) -> Numbers:
    """Ranks with mean zero and length one, so that the product of two is their correlation."""
    ranks = pl.Series(values).rank("average").to_numpy()
    centred = ranks - ranks.mean()
    return np.asarray(centred / np.maximum(np.linalg.norm(centred), np.finfo(float).tiny), dtype=np.float64)

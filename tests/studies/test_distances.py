"""Distances that the user brings: read as they are written, and compared with vectors as another library does."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr  # type: ignore[import-untyped]

from laborllm.errors import SourceError
from laborllm.studies.questions.distances import rank_agreement, read_distances
from laborllm.studies.questions.forecasts.vectors import similarity

OCCUPATIONS = 12


def test_distances_are_the_same_both_ways(tmp_path: Path) -> None:
    file = tmp_path / "own.csv"
    file.write_text("occupation,other,distance\n05,1,0.5\n1,05,0.5\n05,2,2\n9,1,7\n")
    found = read_distances(file, ("05", "1", "2"))
    assert np.array_equal(found, [[np.nan, 0.5, 2], [0.5, np.nan, np.nan], [2, np.nan, np.nan]], equal_nan=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("occupation,other\n1,2\n", "is no CSV file with the columns occupation, other, distance"),
        ("occupation,other,distance\n1,2,near\n", "is no CSV file with the columns"),
        ("occupation,other,distance\n1,2,1\n2,1,3\n", "has two distances between 2 and 1: 1.0 and 3.0"),
    ],
)
def test_mistakes(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text(text)
    with pytest.raises(SourceError, match=message):
        read_distances(tmp_path / "own.csv", ("1", "2"))
    with pytest.raises(SourceError, match="is no CSV file"):
        read_distances(tmp_path / "absent.csv", ("1", "2"))


def test_the_correlation_is_that_of_scipy_over_the_pairs_told() -> None:
    generator = np.random.default_rng(3)
    vectors = generator.normal(size=(OCCUPATIONS, 4))
    similar = similarity(vectors)
    distances = np.linalg.norm(vectors[:, None] - vectors[None], axis=-1) + generator.normal(size=(12, 12)) ** 2
    distances = np.maximum(distances, distances.T)
    distances[generator.random((12, 12)) < 0.2] = np.nan
    distances[np.isnan(distances.T)] = np.nan
    pairs, correlation, p = rank_agreement(similar, distances, shuffles=200)
    above = [(a, b) for a in range(12) for b in range(a + 1, 12) if np.isfinite(distances[a, b])]
    expected = spearmanr([similar[pair] for pair in above], [-distances[pair] for pair in above]).statistic
    assert pairs == len(above)
    assert correlation == pytest.approx(expected)
    assert p < 0.05


def test_chance_is_not_refused_more_often_than_it_may_be() -> None:
    """Distances that know nothing of the vectors: p-values are uniform, so a tenth of them lies below a tenth."""
    generator = np.random.default_rng(5)
    low = 0
    for _case in range(200):
        similar = similarity(generator.normal(size=(OCCUPATIONS, 3)))
        place = generator.normal(size=(OCCUPATIONS, 2))
        distances = np.linalg.norm(place[:, None] - place[None], axis=-1)
        low += rank_agreement(similar, distances, shuffles=39)[2] <= 0.1
    assert 8 <= low <= 34  # 20 with a standard deviation of 4.2


def test_too_few_pairs_tell_nothing() -> None:
    pairs, correlation, p = rank_agreement(np.eye(3), np.full((3, 3), np.nan), shuffles=5)
    assert pairs == 0
    assert np.isnan([correlation, p]).all()

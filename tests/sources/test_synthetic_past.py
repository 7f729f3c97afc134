"""What titles tell of synthetic occupations, and the past of a record, by hand."""

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from laborllm.occupations import Taxonomy
from laborllm.sources.synthetic.history import History, by_position
from laborllm.sources.synthetic.titles import draw_leanings, similarity

TAXONOMY = Taxonomy.from_occupations(
    "own",
    [
        ("1", "Line cooks", "Food"),
        ("2", "Cooks of other lines", "Food"),
        ("3", "Bakers", "Food"),
        ("4", "Bank clerks", "Office"),
        ("5", "The of and", "Office"),
    ],
)
NONE = len(TAXONOMY)
IS_STATE = np.array([False, False, False, False, True])


def test_similarity_is_groups_and_words_in_common() -> None:
    found = similarity(TAXONOMY, 2.0, 3.0)
    assert found.shape == (NONE, NONE)
    np.testing.assert_allclose(found, found.T)
    assert found[0, 1] == 2 + 3  # line and cook in both: "of" and "other" count for nothing, nor does the plural
    assert found[0, 2] == 2
    assert found[0, 3] == 0
    assert found[4, 4] == 2  # no word of its own


def test_leanings_belong_to_the_text() -> None:
    """The same title and group have the same numbers in another taxonomy; another seed has others."""
    found = draw_leanings(TAXONOMY, ("a", "b"), 3)
    other = Taxonomy.from_occupations("else", [("x", "Soldiers", "Army"), ("y", "Bakers", "Food")])
    again = draw_leanings(other, ("a", "b"), 3)
    assert set(found) == {"a", "b"}
    assert again["a"][1] == found["a"][2]
    assert again["b"][1] == found["b"][2] != found["a"][2]
    assert draw_leanings(other, ("a", "b"), 4)["a"][1] != found["a"][2]


def test_leanings_are_alike_where_titles_are() -> None:
    """Of many draws: a variance of one, and a correlation that grows with what is shared."""
    draws = np.array([draw_leanings(TAXONOMY, ("a",), seed)["a"] for seed in range(1500)])
    np.testing.assert_allclose(draws.var(axis=0), 1, atol=0.12)
    correlation = np.corrcoef(draws.T)
    assert abs(correlation[0, 1] - 2 / 3) < 0.06  # group and words
    assert abs(correlation[0, 2] - 1 / 3) < 0.08  # group
    assert abs(correlation[0, 3]) < 0.08


@st.composite
def careers(draw: st.DrawFn) -> tuple[pl.DataFrame, np.ndarray]:
    rows = []
    for worker in range(draw(st.integers(1, 4))):
        for year in sorted(draw(st.sets(st.integers(2000, 2010), min_size=1, max_size=6))):
            rows.append((f"w{worker}", year, draw(st.integers(0, NONE - 1))))
    frame = pl.DataFrame(rows, schema={"worker": pl.String, "year": pl.Int64, "occupation": pl.Int64}, orient="row")
    return frame.drop("occupation"), frame["occupation"].to_numpy().astype(np.intp)


@given(careers())
def test_the_past_of_every_record_by_hand(made: tuple[pl.DataFrame, np.ndarray]) -> None:
    records, occupations = made
    found = History.of(records, occupations, IS_STATE)
    for row, (worker, year) in enumerate(records.iter_rows()):
        mine = [at for at in range(row) if records["worker"][at] == worker]
        past = [int(occupations[at]) for at in mine]
        jobs = [column for at, column in enumerate(p for p in past if not IS_STATE[p])
                if at == 0 or column != [p for p in past if not IS_STATE[p]][at - 1]]  # fmt: skip
        since = len(past) - 1
        while since > 0 and past[since - 1] == past[-1]:
            since -= 1
        expected = (
            past[-1] if past else NONE,
            jobs[-1] if jobs else NONE,
            jobs[-2] if len(jobs) > 1 else NONE,
            year - records["year"][mine[-1]] if mine else 0,
            records["year"][mine[-1]] - records["year"][mine[since]] if mine else 0,
        )
        one = found.at(slice(row, row + 1))
        assert (one.previous[0], one.job[0], one.former[0], one.gap[0], one.tenure[0]) == expected


@given(careers())
def test_rows_by_position_are_every_row_once(made: tuple[pl.DataFrame, np.ndarray]) -> None:
    records, _ = made
    place = records.select(pl.int_range(pl.len()).over("worker")).to_series().to_numpy()
    steps = list(by_position(records))
    assert sorted(np.concatenate(steps)) == list(range(records.height))
    assert all((place[rows] == position).all() for position, rows in enumerate(steps))

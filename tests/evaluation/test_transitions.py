import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from laborllm.evaluation.transitions import transition_kinds

CAREERS = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=5), min_size=1, max_size=6)


def test_a_record_is_first_or_stays_or_moves() -> None:
    records = pl.DataFrame({"worker": list("aaabb"), "year": [1, 2, 5, 1, 2], "occupation": list("xxyyy")})
    assert transition_kinds(records).tolist() == ["first", "stay", "move", "first", "stay"]


@given(CAREERS)
def test_kinds_agree_with_a_walk_along_each_career(careers: list[str]) -> None:
    rows = [(str(worker), year, code) for worker, career in enumerate(careers) for year, code in enumerate(career)]
    records = pl.DataFrame(rows, schema=["worker", "year", "occupation"], orient="row")
    expected = [
        "first" if year == 0 else "stay" if career[year - 1] == code else "move"
        for career in careers
        for year, code in enumerate(career)
    ]
    assert transition_kinds(records).tolist() == expected
    assert np.sum(transition_kinds(records) == "first") == len(careers)

"""Histories, against a walk along each career."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import PanelError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.panel.history import History, transition_kinds

TAXONOMY = Taxonomy.from_occupations("few", [("a", "Bakers", "All"), ("b", "Cooks", "All"), ("c", "Clerks", "All")])
NONE = len(TAXONOMY)

Career = list[tuple[int, str | None]]  # year and occupation of each record; the last may be open


@st.composite
def careers(draw: st.DrawFn) -> list[Career]:
    found = []
    for _ in range(draw(st.integers(1, 5))):
        years = sorted(draw(st.sets(st.integers(1990, 2010), min_size=1, max_size=6)))
        codes: list[str | None] = [draw(st.sampled_from("abc")) for _ in years]
        if draw(st.booleans()):
            codes[-1] = None
        found.append(list(zip(years, codes, strict=True)))
    return found


def panel_of(people: list[Career]) -> Panel:
    rows = [(f"w{worker}", year, code, "train") for worker, career in enumerate(people) for year, code in career]
    schema = {"worker": pl.String, "year": pl.Int16, "occupation": pl.String, "split": pl.String}
    return Panel(pl.DataFrame(rows, schema, orient="row"), TAXONOMY, "OWN", Provenance("made up"))


def walk(career: Career) -> list[dict[str, int | str | None]]:
    """The history of each record, one after the other."""
    found: list[dict[str, int | str | None]] = []
    for at, (year, code) in enumerate(career):
        past = [TAXONOMY.codes.index(known) for _, known in career[:at] if known is not None]
        tenure = next((back for back, known in enumerate(reversed(past)) if known != past[-1]), len(past))
        kind = "first" if not past else "stay" if TAXONOMY.position.get(code or "") == past[-1] else "move"
        found.append(
            {
                "occupation": NONE if code is None else TAXONOMY.codes.index(code),
                "previous": past[-1] if past else NONE,
                "before_previous": past[-2] if len(past) > 1 else NONE,
                "position": at,
                "gap": year - career[at - 1][0] if at else 0,
                "tenure": tenure,
                "years_seen": year - career[0][0],
                "kind": None if code is None else kind,
            }
        )
    return found


@given(careers())
def test_histories_agree_with_a_walk_along_each_career(people: list[Career]) -> None:
    history = History.of(panel_of(people))
    expected = [record for career in people for record in walk(career)]
    for name, values in vars(history).items():
        assert list(values) == [record[name] for record in expected], name
    assert np.flatnonzero(history.is_first).tolist() == [i for i, past in enumerate(expected) if past["position"] == 0]


@given(careers(), st.data())
def test_the_own_occupation_of_a_record_says_nothing_of_its_history(people: list[Career], data: st.DataObject) -> None:
    """Closing an open record with any occupation changes only its own column and kind."""
    closed = [[(y, c or data.draw(st.sampled_from("abc"))) for y, c in career] for career in people]
    one, other = History.of(panel_of(people)), History.of(panel_of(closed))  # type: ignore[arg-type]
    for name in set(vars(one)) - {"occupation", "kind"}:
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))


def test_a_record_after_an_open_one_has_no_history() -> None:
    panel = panel_of([[(2000, "a"), (2001, None)], [(2000, None), (2002, None)], [(2003, None)]])
    with pytest.raises(PanelError, match=r"^1 open records follow an open one, so the occupation before them is not"):
        History.of(panel)


def test_a_record_is_first_or_stays_or_moves() -> None:
    records = pl.DataFrame({"worker": list("aaabb"), "year": [1, 2, 5, 1, 2], "occupation": ["x", "x", "y", "y", None]})
    assert transition_kinds(records).to_list() == ["first", "stay", "move", "first", None]

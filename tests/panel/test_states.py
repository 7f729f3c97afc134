"""Panels over another taxonomy: nothing but finer states changes, and what cannot be expressed is refused."""

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from laborllm.errors import PanelError, TaxonomyError
from laborllm.occupations import STATES, Taxonomy
from laborllm.panel import Panel, Provenance, coarsen, over
from laborllm.panel.states import comparable, shared_states

JOBS = Taxonomy.from_occupations("small", [("4", "Chief executives", "A"), ("276", "Cashiers", "B")])

state_sets = st.lists(st.sampled_from(sorted(STATES)), unique=True)


def career(occupations: list[str | None], states: list[str]) -> Panel:
    """One career, a record a year."""
    rows = {"worker": "a", "year": range(2000, 2000 + len(occupations)), "occupation": occupations, "split": "train"}
    records = pl.DataFrame(rows, schema_overrides={"occupation": pl.String})
    return Panel(records, JOBS.with_states(states), "made-up", Provenance("made up"))


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    """Careers over two jobs and any states, the last record perhaps open."""
    states = draw(state_sets)
    occupations = draw(st.lists(st.sampled_from([*JOBS.codes, *states]), min_size=1, max_size=8))
    return career([*occupations, *draw(st.sampled_from([[], [None]]))], states)


def as_told(code: str | None, states: list[str]) -> str | None:
    """What a code becomes where these states are distinguished; None where it cannot be expressed."""
    if code in (*JOBS.codes, *states):
        return code
    return "not_working" if code in ("unemployed", "not_in_labor_force") and "not_working" in states else None


@given(panels(), state_sets)
def test_states_alone_change(panel: Panel, states: list[str]) -> None:
    before = panel.records["occupation"].to_list()
    expected = [as_told(code, states) for code in before]
    lost = [code for code, found in zip(before, expected, strict=True) if code is not None and found is None]
    if lost:
        with pytest.raises(PanelError, match=rf"records of code ({'|'.join(lost)}) \("):
            coarsen(panel, states)
        return
    found = coarsen(panel, states)
    assert found.records["occupation"].to_list() == expected
    assert found.records.drop("occupation").equals(panel.records.drop("occupation"))
    assert found.taxonomy == JOBS.with_states(states)
    changed = sum(code != found for code, found in zip(before, expected, strict=True))
    assert ("states coarsened" in found.provenance.notes) == bool(changed)
    assert coarsen(found, states) is found


@given(panels(), panels())
def test_panels_meet_over_the_states_they_share(first: Panel, second: Panel) -> None:
    states = shared_states([first.taxonomy, second.taxonomy])
    for panel in (first, second):
        found = coarsen(panel, states)
        jobs = panel.records["occupation"].is_in(JOBS.codes)
        assert found.records.filter(jobs).equals(panel.records.filter(jobs))
    assert set(states) == set(shared_states([second.taxonomy, first.taxonomy]))


@given(panels(), state_sets)
def test_any_larger_taxonomy_leaves_the_records_alone(panel: Panel, more: list[str]) -> None:
    states = panel.taxonomy.states
    assume(not set(more) & set(states))
    larger = Taxonomy.from_occupations("larger", [("7", "Cooks", "C")]).with_states(more)
    pairs = [*zip(larger.codes, larger.titles, larger.groups, strict=True)]
    pairs += zip(panel.taxonomy.codes, panel.taxonomy.titles, panel.taxonomy.groups, strict=True)
    found = over(panel, Taxonomy.from_occupations("larger", pairs))
    assert found.records.equals(panel.records)
    assert len(found.taxonomy) == len(panel.taxonomy) + 1 + len(more)


@pytest.mark.parametrize(
    ("ours", "others", "states"),
    [
        ([], [["in_education", "not_working"]], []),
        (["in_education", "not_working"], [["in_education", "not_working"]], ["in_education", "not_working"]),
        (["unemployed", "not_in_labor_force"], [["not_working", "in_education"]], ["not_working"]),
        (["unemployed", "in_education"], [["unemployed", "in_education"], ["in_education", "not_working"]],
         ["in_education", "not_working"]),
        (["not_working", "in_education"], [["unemployed", "in_education"]], ["not_working", "in_education"]),
        (["unemployed", "in_education"], [["unemployed"]], ["unemployed"]),
    ],
)  # fmt: skip
def test_a_panel_and_models_are_compared_over_what_all_of_them_have(
    ours: list[str], others: list[list[str]], states: list[str]
) -> None:
    found = comparable(JOBS.with_states(ours), [JOBS.with_states(other) for other in others])
    assert found == JOBS.with_states(states)


def test_occupations_that_a_model_lacks_are_not_compared() -> None:
    one = Taxonomy.from_occupations("one", [("276", "Cashiers", "B")])
    assert comparable(JOBS, [one]).codes == ("276",)
    assert comparable(one, [JOBS]) is one


def test_the_note_counts_what_changed() -> None:
    panel = career(
        ["unemployed", "4", "not_in_labor_force", *["unemployed"] * 11], ["unemployed", "not_in_labor_force"]
    )
    notes = coarsen(panel, ["not_working"]).provenance.notes
    assert notes["states coarsened"] == (
        "unemployed to not_working (12 records), not_in_labor_force to not_working (fewer than 10 records)"
    )


def test_other_occupations_are_refused() -> None:
    panel = career(["4", "276"], [])
    with pytest.raises(PanelError, match=r"records of code 276 \(Cashiers\), which is not among the 1 of taxonomy one"):
        over(panel, Taxonomy.from_occupations("one", [("4", "Chief executives", "A")]))
    renamed = replace(JOBS, titles=("Chief executives", "Cooks"))
    with pytest.raises(PanelError, match="code 276 is 'Cashiers' in the panel and 'Cooks' in taxonomy small"):
        over(panel, renamed)
    with pytest.raises(TaxonomyError, match="unknown state 'retired'"):
        coarsen(panel, ["retired"])

"""Panels over another taxonomy, so that panels and models that tell different states apart can meet.

A survey that asks who is searching for work has the states unemployed and not in labor force; one that does not has
only "not working". The finer states become the coarser one by name; nothing makes a finer state of a coarser one.
"""

from collections.abc import Container, Sequence
from dataclasses import replace

import polars as pl

from laborllm.errors import PanelError
from laborllm.occupations import STATES, Taxonomy
from laborllm.occupations.taxonomy import COARSER
from laborllm.panel.panel import Panel
from laborllm.privacy import SMALLEST_CELL

COARSENED = "states coarsened"
"""Under this name a panel's notes say which states became another."""


def over(panel: Panel, taxonomy: Taxonomy) -> Panel:
    """Express the records of a panel over another taxonomy that has their occupations and states, or coarser states.

    Args:
        panel: Any panel; its records keep their order.
        taxonomy: Has every occupation that occurs in the panel, under the same code and title.

    Returns:
        The panel itself if it has this taxonomy. `provenance.notes` counts the records of states that became coarser.

    Raises:
        PanelError: A code that occurs in the panel is not in the taxonomy, or has another title there.

    Examples:
        `over(resumes, model.taxonomy)` lets a model of occupations and states forecast a panel that has no states.
    """
    if panel.taxonomy == taxonomy:
        return panel
    coarser = {state: COARSER.get(state) for state in panel.taxonomy.states if state not in taxonomy.position}
    becomes = {state: target for state, target in coarser.items() if target in taxonomy.position}
    counts = dict(panel.records["occupation"].drop_nulls().value_counts().iter_rows())
    _require_contained(panel.taxonomy, [code for code in counts if code not in becomes], taxonomy)
    changed = [f"{state} to {becomes[state]} ({_records(counts[state])})" for state in becomes if state in counts]
    notes = {COARSENED: ", ".join(changed)} if changed else {}
    return replace(
        panel,
        records=panel.records.with_columns(pl.col("occupation").replace(becomes)),
        taxonomy=taxonomy,
        provenance=replace(panel.provenance, notes=panel.provenance.notes | notes),
    )


def coarsen(panel: Panel, states: Sequence[str]) -> Panel:
    """Express the states of a panel as `states`: unemployed and not in labor force as not working, where that is one.

    Args:
        panel: Any panel.
        states: Codes from `STATES`, in the order they are to have. A state that no record has may be added.

    Returns:
        The panel over its occupations and these states; see `over`.

    Raises:
        PanelError: Records are in a state that `states` neither has nor has as part of a coarser one.
        TaxonomyError: A state is unknown or named twice.

    Examples:
        `coarsen(nlsy79, ["in_education", "not_working"])` has the states that the NLSY97 can tell.
    """
    return over(panel, panel.taxonomy.without_states.with_states(states))


def shared_states(taxonomies: Sequence[Taxonomy]) -> tuple[str, ...]:
    """The finest states in which all taxonomies can be expressed: theirs, but for those of which one has a coarser one.

    In the order of the first taxonomy if it has just these, and otherwise of `STATES`.
    """
    known = {state for taxonomy in taxonomies for state in taxonomy.states}
    shared = tuple(state for state in STATES if state in known and COARSER.get(state) not in known)
    first = taxonomies[0].states
    return first if set(first) == set(shared) else shared


def comparable(taxonomy: Taxonomy, others: Sequence[Taxonomy]) -> Taxonomy:
    """What is left of a taxonomy once forecasts over others are expressed over it too.

    Args:
        taxonomy: Of a panel.
        others: Of models that forecast it.

    Returns:
        The occupations that all of them have, with states as fine as all of them tell; in the order of `taxonomy` or
        of the first of `others`, if one has just these.
    """
    finest = shared_states([taxonomy, *others])
    states = dict.fromkeys(state if state in finest else COARSER.get(state, state) for state in taxonomy.states)
    whole = taxonomy.without_states.with_states(tuple(states))
    shared = [code for code in whole.codes if all(code in _codes_of(other, states) for other in others)]
    for known in (taxonomy, *others):
        if set(known.codes) == set(shared):
            return known
    occupations = zip(whole.codes, whole.titles, whole.groups, strict=True)
    return Taxonomy.from_occupations(taxonomy.name, [each for each in occupations if each[0] in shared])


def _codes_of(taxonomy: Taxonomy, states: Container[str]) -> set[str]:
    """The codes of a taxonomy, and the coarser states of `states` that some of its states are part of."""
    return {*taxonomy.codes, *(COARSER[state] for state in taxonomy.states if COARSER.get(state) in states)}


def _require_contained(ours: Taxonomy, codes: Sequence[str], taxonomy: Taxonomy) -> None:
    for code in ours.codes:
        if code in codes and code not in taxonomy.position:
            raise PanelError(
                f"the panel has records of code {code} ({ours.title(code)}), which is not among the {len(taxonomy)} of "
                f"taxonomy {taxonomy.name}"
            )
        if code in codes and ours.title(code) != taxonomy.title(code):
            raise PanelError(
                f"code {code} is {ours.title(code)!r} in the panel and {taxonomy.title(code)!r} in taxonomy "
                f"{taxonomy.name}: they are not the same occupations"
            )


def _records(count: int) -> str:
    return f"{count:,} records" if count >= SMALLEST_CELL else f"fewer than {SMALLEST_CELL} records"

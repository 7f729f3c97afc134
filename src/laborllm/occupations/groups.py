"""Coarser groups of a taxonomy's occupations, for tables and figures that have a row per group."""

from laborllm.errors import TaxonomyError
from laborllm.occupations.crosswalk import load_crosswalk, shipped_crosswalks
from laborllm.occupations.taxonomy import STATE_GROUP, STATES, Taxonomy, load_taxonomy


def load_groups(name: str, taxonomy: Taxonomy) -> tuple[str, ...]:
    """The group titles of the J occupations of `taxonomy`, (J,). `soc2018`: the 23 major groups of the 2018 SOC.

    States are one group of their own. Raises `TaxonomyError` if no such groups of this taxonomy are shipped.
    """
    known = [about["target"] for source, about in shipped_crosswalks().items() if source == taxonomy.name]
    if name not in known:
        use = f"use {', '.join(known)}" if known else "none are shipped for it"
        raise TaxonomyError(f"unknown groups {name!r} of taxonomy {taxonomy.name}: {use}")
    targets = load_crosswalk(taxonomy.name).pairs
    groups = load_taxonomy(name)
    return tuple(STATE_GROUP if code in STATES else groups.title(targets[code]) for code in taxonomy.codes)

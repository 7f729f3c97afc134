"""Occupations: what the entries of a forecast are, and how other codings map to them."""

from laborllm.occupations.crosswalk import Crosswalk, load_crosswalk
from laborllm.occupations.taxonomy import STATES, Taxonomy, load_taxonomy

__all__ = ["STATES", "Crosswalk", "Taxonomy", "load_crosswalk", "load_taxonomy"]

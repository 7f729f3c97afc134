"""Occupations: what a forecast is over, and how other codings map to them."""

from laborllm.occupations.crosswalk import Crosswalk, load_crosswalk
from laborllm.occupations.groups import load_groups
from laborllm.occupations.taxonomy import STATES, Taxonomy, load_taxonomy

__all__ = ["STATES", "Crosswalk", "Taxonomy", "load_crosswalk", "load_groups", "load_taxonomy"]

"""The careers that are read: people who do not exist, followed for 25 records each."""

from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.sources.synthetic import DRAWN_STATES, DgpParameters, import_synthetic

FOLLOWED = DgpParameters(birth_years=(1958, 1980), yearly_until=2021, attrition=0.0, missed=0.0)
"""A survey that asks everybody in each of 25 years, of people who are of a working age in all of them."""


def long_careers(workers: int, *, seed: int) -> Panel:
    """Synthetic careers of 25 records each over the occupations of occ1990dd and three states."""
    return import_synthetic(
        workers, load_taxonomy("occ1990dd").with_states(DRAWN_STATES), parameters=FOLLOWED, seed=seed
    )

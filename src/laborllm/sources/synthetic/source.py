"""Draw a panel of synthetic careers over any taxonomy."""

import numpy as np
import polars as pl

from laborllm.errors import SourceError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance
from laborllm.sources.row_counts import finish_panel
from laborllm.sources.synthetic.dgp import DGP, DataGeneratingProcess
from laborllm.sources.synthetic.parameters import DgpParameters
from laborllm.sources.synthetic.people import draw_people

DATASET = "SYNTHETIC"
DRAWN_STATES = ("unemployed", "not_in_labor_force", "in_education")
"""The states that the command adds to a taxonomy of occupations."""


def import_synthetic(
    workers: int, taxonomy: Taxonomy, *, parameters: DgpParameters | None = None, seed: int = 0
) -> Panel:
    """Draw careers of people who do not exist.

    Args:
        workers: How many careers.
        taxonomy: What they work as, with its states.
        parameters: Of the data-generating process; None: the defaults.
        seed: Draws people, careers and split; the process depends on taxonomy and parameters only.

    Returns:
        The panel, which keeps the parameters.

    Raises:
        SourceError: Fewer than one worker, fewer than two occupations, or birth years for which nobody is interviewed.
    """
    if workers < 1:
        raise SourceError(f"cannot draw {workers} workers: at least 1 is needed")
    dgp = DataGeneratingProcess(taxonomy, parameters or DgpParameters())
    generator = np.random.default_rng(seed)
    people = draw_people(workers, dgp.parameters, generator)
    codes = np.array(taxonomy.codes)[dgp.draw(people, generator)]
    provenance = Provenance(source="synthetic", rows_in=people.height, notes={DGP: dgp.parameters.to_json()})
    records = people.with_columns(pl.Series("occupation", codes))
    return finish_panel(records, provenance, taxonomy, DATASET, seed=seed)

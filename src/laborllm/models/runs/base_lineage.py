"""Who was held out for a base model that was tuned here before. It stands in the model's configuration, which programs
that load, merge and save the model carry along.
"""

from typing import Any

from laborllm.errors import RunError
from laborllm.models.runs.lineage import Lineage
from laborllm.panel import Panel

KEY = "laborllm_lineage"


def write_lineage(config: Any, lineage: Lineage) -> None:
    """Write the splits behind tuned weights into the configuration of their model, in place."""
    setattr(config, KEY, [list(pair) for pair in lineage.splits])


def read_lineage(config: Any, panel: Panel) -> Lineage:
    """The splits behind a base model, by its configuration; none for one that was never tuned here.

    Raises:
        RunError: It was tuned on another split of a dataset of `panel`, or what is written there is no lineage.
    """
    try:
        lineage = Lineage.from_pairs(getattr(config, KEY, ()))
    except (TypeError, ValueError) as error:
        raise RunError(f"the configuration of the base model has a {KEY} that laborllm has not written") from error
    lineage.require_held_out_by(panel)
    return lineage

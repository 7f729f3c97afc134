"""Who was held out for a base model that was tuned here before. It stands in the model's configuration, which programs
that load, merge and save the model carry along, and in that of its tokenizer: whoever merges an adapter into a model
takes the model's own configuration, and the tokenizer that comes with the adapter.
"""

from typing import Any

from laborllm.errors import RunError
from laborllm.models.runs.lineage import Lineage
from laborllm.panel import Panel

KEY = "laborllm_lineage"


def write_lineage(config: Any, tokenizer: Any, lineage: Lineage) -> None:
    """Write the splits behind tuned weights where they travel along, in place.

    Args:
        config: The configuration of their model.
        tokenizer: Its tokenizer.
        lineage: The splits.
    """
    pairs = [list(pair) for pair in lineage.splits]
    setattr(config, KEY, pairs)
    tokenizer.init_kwargs[KEY] = pairs


def read_lineage(config: Any, tokenizer: Any, panel: Panel) -> Lineage:
    """The splits behind a base model; none for one that was never tuned here.

    Args:
        config: Its configuration.
        tokenizer: Its tokenizer.
        panel: What it is to be tuned, or asked, on.

    Returns:
        The splits that either of the two states.

    Raises:
        RunError: It was tuned on another split of a dataset of `panel`, or what is written there is no lineage.
    """
    try:
        of_model = Lineage.from_pairs(getattr(config, KEY, ()))
        lineage = of_model | Lineage.from_pairs(tokenizer.init_kwargs.get(KEY, ()))
    except (TypeError, ValueError) as error:
        raise RunError(f"the configuration of the base model has a {KEY} that laborllm has not written") from error
    lineage.require_held_out_by(panel)
    return lineage

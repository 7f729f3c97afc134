"""A network over pooled occupations as one over all: the members of a class share its parameters and its probability.

With m members, each has the vector of the class and its score less log m, so that

    exp(z_k) = exp(z_class) / m    for every member k:

every other occupation keeps its probability, and the class's is divided equally among its members.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor, nn

from laborllm.errors import RunError
from laborllm.models.sequence.model import FittedSequence, new_network
from laborllm.panel.rare import RarePooled
from laborllm.runtime import best_device

WITH_VECTORS = ("nemo", "career")


def spread(fitted: FittedSequence, pooled: RarePooled) -> FittedSequence:
    """Express a model that was fitted on a panel with pooled occupations over the taxonomy from before.

    Args:
        fitted: A model career or nemo, fitted on `pooled.panel`.
        pooled: What `pool_rare` returned.

    Raises:
        RunError: A model of another kind, or of another taxonomy.

    Examples:
        >>> import laborllm as ll
        >>> from laborllm.occupations.groups import load_groups
        >>> from laborllm.panel.rare import pool_rare
        >>> panel = ll.import_synthetic(workers=400)
        >>> pooled = pool_rare(panel, load_groups("soc2018", panel.taxonomy))
        >>> fitted = ll.fit("nemo", pooled.panel, width=8, training=ll.TrainingConfig(1, 32, 1e-2))
        >>> spread(fitted, pooled).forecast(panel).log_prob.shape[1] == len(panel.taxonomy)
        True
    """
    if fitted.spec.name not in WITH_VECTORS:
        raise RunError(f"a model {fitted.spec.name} has no vectors of occupations: use career or nemo")
    if fitted.record.taxonomy != pooled.panel.taxonomy:
        raise RunError("the model was not fitted on the panel whose occupations were pooled")
    stands_for = {code: members[0] for members in pooled.classes for code in members}
    size = {members[0]: len(members) for members in pooled.classes}
    classes = [stands_for.get(code, code) for code in pooled.whole.codes]
    column = [fitted.record.taxonomy.position[code] for code in classes]
    less = torch.tensor([*(math.log(size.get(code, 1)) for code in classes), 0.0])
    network = new_network(fitted.spec, fitted.vocabulary, len(pooled.whole))
    network.load_state_dict(_spread(fitted.network, torch.tensor([*column, len(fitted.record.taxonomy)]), less))
    record = replace(fitted.record, taxonomy=pooled.whole, people={})  # those of a class are not of its members
    return replace(fitted, network=network.to(best_device()), record=record, checkpoints=None, snapshots=())


def _spread(network: nn.Module, column: Tensor, less: Tensor) -> dict[str, Tensor]:
    """The weights with a row for each column, the last one for no occupation, or for staying."""
    state = {name: weight.cpu() for name, weight in network.state_dict().items()}
    rows = {name: state[name][column] for name in ("occupations.weight", "head.weight", "head.bias")}
    return state | rows | {"head.bias": rows["head.bias"] - less}

"""What a new network is initialised from: a language model's embeddings of the titles, or a run on another panel."""

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import torch
from torch import Tensor, nn

from laborllm.errors import RunError
from laborllm.models.runs.base_lineage import read_lineage
from laborllm.models.runs.lineage import Lineage
from laborllm.models.runs.options import from_options
from laborllm.models.runs.run_folder import read_run
from laborllm.models.runs.seen import CATEGORIES
from laborllm.models.sequence.inputs.vocabulary import YEARS, Vocabulary
from laborllm.models.sequence.model import FittedSequence
from laborllm.models.taxonomies import require_taxonomy
from laborllm.panel import Panel

if TYPE_CHECKING:
    from laborllm.models.sequence.specs import Career


def warm_start(network: nn.Module, spec: "Career", vocabulary: Vocabulary, panel: Panel) -> Lineage:
    """Initialise a network of CAREER from what its spec names, if it names anything.

    Args:
        network: The untrained network, changed in place.
        spec: Names the embeddings of titles, or a run on another panel.
        vocabulary: The indexes of the covariates.
        panel: The careers of the fit.

    Returns:
        The splits behind the initial weights.

    Raises:
        RunError: A run that does not fit, or was trained on workers who are held out here.
    """
    behind = Lineage()
    if spec.titles is not None:
        vectors, behind = _title_embeddings(spec.titles, panel)
        embed_titles(network.get_parameter("occupations.weight"), vectors)
    if spec.pretrained is None:
        return behind
    source = _pretrained(spec, spec.pretrained, panel)
    carry_over(source.network, source.vocabulary, network, vocabulary)
    return behind | source.record.lineage


def carry_over(source: nn.Module, known: Vocabulary, network: nn.Module, wanted: Vocabulary) -> None:
    """Give a network the weights of another one of the same shape, over the covariates of another panel.

    A value of a covariate that `source` does not know gets the weights of the unknown one, a year those of the nearest.

    Args:
        source: The network to take weights from.
        known: Its indexes of covariates.
        network: The network to initialise, in place.
        wanted: Its indexes of covariates.
    """
    state = source.state_dict()
    for name in CATEGORIES + YEARS:
        values = pl.Series(wanted.values(name), dtype=pl.String if name in CATEGORIES else pl.Int64)
        weight = f"covariates.tables.{name}.weight"
        state[weight] = state[weight][[0, *known.index(name, values)]]
    network.load_state_dict(state)


@torch.no_grad()
def embed_titles(table: Tensor, vectors: Tensor) -> None:
    """Replace the first J rows of `table`, (rows, width), by the principal components of `vectors`, (J, d), scaled to
    the spread of the table."""
    centred = vectors - vectors.mean(dim=0)
    left, singular, _ = torch.linalg.svd(centred, full_matrices=False)
    width = min(table.shape[1], len(singular))
    components = (left * singular)[:, :width]
    table[: len(vectors), :width] = components * table.std() / components.square().mean().sqrt()


def _title_embeddings(name: str, panel: Panel) -> tuple[Tensor, Lineage]:
    """A base model's vectors of the titles, (J, d), and the splits behind it."""
    from laborllm.lm.base.load import (  # brings transformers, which a network over codes does not need
        fetch_base,
        load_base,
    )
    from laborllm.lm.embedding.title_vectors import title_vectors

    fetch_base(name)
    base = load_base(name)
    return title_vectors(base, panel.taxonomy.titles), read_lineage(base.model.config, base.tokenizer, panel)


def _pretrained(spec: "Career", path: Path, panel: Panel) -> FittedSequence:
    run = read_run(path)
    if run.model != spec.name:
        raise RunError(f"{path} holds a model {run.model}: weights are initialised from a model {spec.name} only")
    source = FittedSequence.load(run, from_options(type(spec), run.options, path))
    shape, wanted = (
        (run.options[name] for name in ("layers", "width", "heads")),
        (spec.layers, spec.width, spec.heads),
    )
    if (found := tuple(shape)) != wanted:
        raise RunError(f"{path} has layers, width and heads {found}, not {wanted}: use the same")
    require_taxonomy(source, panel)
    source.record.lineage.require_held_out_by(panel)
    return source

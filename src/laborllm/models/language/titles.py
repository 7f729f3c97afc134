"""Panels as tokens, for the models over text: a base model with its encoder, and the careers of a fit."""

from dataclasses import dataclass

from laborllm.lm.base.in_shards import load_in_shards
from laborllm.lm.base.load import BaseModel, fetch_base, load_base
from laborllm.lm.base.own_tokens import with_own_tokens
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.config import Overflow, TitleTokens
from laborllm.lm.tuning.truncation import within_context
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.text import Template, render


def read_base(
    name: str,
    template: Template,
    taxonomy: Taxonomy,
    title_tokens: TitleTokens,
    *,
    layers: int | None = None,
    in_shards: bool = False,
) -> tuple[BaseModel, CareerEncoder]:
    """A base model to be tuned, and the encoder of careers in its tokens.

    Args:
        name: Of the base model, on the hub or as a folder.
        template: How careers are written.
        taxonomy: The occupations.
        title_tokens: "spelled", or "own" for a new token per title.
        layers: Keep only the first layers; None: all.
        in_shards: Read this process's shards only; then titles are spelled, and all layers kept.

    Returns:
        The base model and its encoder.

    Raises:
        InputError: A base model that is not here.
        TaxonomyError: Titles that the tokenizer cannot keep apart from what is around them.
    """
    fetch_base(name)
    base = load_in_shards(name) if in_shards else load_base(name, layers=layers)
    if title_tokens == "own":
        base = with_own_tokens(base, template, taxonomy)
    return base, CareerEncoder(base.tokenizer, template, taxonomy)


def encode(encoder: CareerEncoder, panel: Panel) -> list[EncodedCareer]:
    """All careers of a panel as tokens."""
    return list(encoder.encode(render(panel, encoder.template)))


@dataclass(frozen=True)
class Parts:
    """The careers of a fit.

    Attributes:
        training: Training careers.
        valid: Validation careers.
        left_out: Records that truncation left out of both.
    """

    training: Panel
    valid: Panel
    left_out: int


def readable_parts(
    panel: Panel, encoder: CareerEncoder, context: int, overflow: Overflow, *, valid_careers: int, seed: int
) -> Parts:
    """The careers that a fit reads, as far as they fit into the context.

    Args:
        panel: The careers.
        encoder: Careers to tokens.
        context: Tokens that the base model reads.
        overflow: What happens to longer careers, "error" or "truncate".
        valid_careers: How many careers of split valid, drawn by the seed.
        seed: Decides which.

    Returns:
        Split train, some of split valid, and how many records truncation left out.

    Raises:
        CapacityError: A career does not fit.
    """
    observed = panel.subset("valid").observed()
    whole = panel.subset("train").observed(), observed.sample(valid_careers, seed=seed)
    training, valid = (within_context(part, encoder, context, overflow) for part in whole)
    return Parts(training, valid, sum(map(len, whole)) - len(training) - len(valid))

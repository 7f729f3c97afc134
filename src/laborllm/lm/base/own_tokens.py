"""Occupations as single tokens: each title, from its leading space to its newline, is one token added to a base model.

It is the tokenizer that knows them, so the text of a career stays as it is, and so does all that reads the text. A
tokenizer that puts a space before each stretch of text (such as Llama 2's) then does so after each title.
"""

import torch
from tokenizers import AddedToken
from torch import Tensor
from transformers import PreTrainedModel

from laborllm.lm.base.load import BaseModel
from laborllm.lm.tokens.encoding import CareerEncoder, Tokens
from laborllm.occupations import Taxonomy
from laborllm.text import Template


def with_own_tokens(base: BaseModel, template: Template, taxonomy: Taxonomy) -> BaseModel:
    """Add a token for each occupation to a base model and its tokenizer, in place.

    The token's embedding, and its row of the output, are initialised as the mean over the tokens that the title was
    spelled with.

    Args:
        base: The base model.
        template: How titles are written.
        taxonomy: The occupations.

    Returns:
        The base model with its new tokens.
    """
    spelled = CareerEncoder(base.tokenizer, template, taxonomy).title_tokens
    titles = [f" {title}\n" for title in template.title_texts(taxonomy)]
    base.tokenizer.add_tokens([AddedToken(title, normalized=False) for title in titles])
    added: list[int] = base.tokenizer.convert_tokens_to_ids(titles)  # type: ignore[assignment]
    own = tuple(added)
    make_room(base.model, 1 + max(own))
    _begin(base.model, own, spelled)
    return BaseModel(base.name, base.model, base.tokenizer, own)


def make_room(model: PreTrainedModel, tokens: int) -> None:
    """Resize the embeddings of `model` to this many tokens, in place, if it has fewer: some have spare rows."""
    if rows_of(model) < tokens:
        model.resize_token_embeddings(tokens, mean_resizing=False)


def rows_of(model: PreTrainedModel) -> int:
    """How many tokens the embedding of `model` has rows for."""
    weight: Tensor = model.get_input_embeddings().weight  # type: ignore[assignment]
    return len(weight)


@torch.no_grad()
def _begin(model: PreTrainedModel, own: Tokens, spelled: tuple[Tokens, ...]) -> None:
    for layer in (model.get_input_embeddings(), model.get_output_embeddings()):
        for rows in layer.parameters():  # (V, d), and (V,) of an output with a bias
            rows[list(own)] = torch.stack([_mean(rows, tokens) for tokens in spelled])


def _mean(rows: Tensor, tokens: Tokens) -> Tensor:
    return rows[list(tokens)].mean(dim=0)

"""Whether a model of transformers computes what its own forward pass does once attention is ours.

An architecture may ignore the attention that it is set to use, mix tokens outside of attention (convolutions, states
that run along the text), or bend scores in ways of its own. No list of such features is complete, so a few tokens are
read both ways: singly by the plain forward pass, and packed and as branches of a trie under our patterns.
"""

from collections.abc import Sequence
from itertools import chain

import torch
from torch import Tensor
from torch.nn.functional import linear
from transformers import PreTrainedModel

from laborllm.errors import InputError
from laborllm.lm.kernels.attention import NAME, AttentionPattern, context_length, use_patterns
from laborllm.lm.kernels.packed_attention import PackedAttention
from laborllm.lm.kernels.tree_attention import KVCache, TreeAttention
from laborllm.sources.formats.text import plain

TEXTS = ((11, 3, 7, 2, 13, 5, 17), (23, 19, 4, 29, 8))  # two packed texts of unlike lengths, by numbers of tokens
NODES = ((9,), (9, 31), (14,))  # of a trie that grows from the second text: the tokens down to each, parents first
ANCESTORS = ((0, -1), (0, 1), (2, -1))  # of each node, itself last, by place among the nodes; padded with -1
TOLERANCE = 5e-5
"""Largest difference of a log-probability, in nats, where they spread by one or less; in proportion where by more."""
NOISES = 8  # times what reading a text with another after it changes, which several threads make larger
CAUSAL = 1e-3  # what that may change at most, in proportion as the tolerance: what comes later is not to be seen
LONGEST = 160  # letters of another's error
ROUNDINGS = 32  # in a model of fewer digits than float32: this many times what one rounding changes


def attend_by_patterns(model: PreTrainedModel) -> None:
    """Make `model` attend as the pattern of each pass says, in place. The first call costs seven short passes.

    Raises `InputError` for a model that would be scored wrongly, with what differs from its plain forward pass.
    """
    own = model.config._attn_implementation
    if own == NAME:
        return
    try:
        _probe(model)
    except Exception as error:  # an architecture raises anything when attention is not its own
        model.set_attn_implementation(own)
        said = (
            str(error) if isinstance(error, InputError) else f"its code fails under attention of ours, {_first(error)}"
        )
        raise InputError(f"{model.config.model_type} models cannot be scored exactly: {said}") from error


def _first(error: Exception) -> str:
    """What an error of another's code says, in one line that is not long."""
    line = plain((str(error).splitlines() or [""])[0])
    return f"{type(error).__name__}: {line if len(line) <= LONGEST else f'{line[:LONGEST]}...'}"


@torch.no_grad()
def _probe(model: PreTrainedModel) -> None:
    first, second = TEXTS
    context_length(model)
    logits = model(input_ids=_row(model, first), use_cache=False).logits[0].log_softmax(dim=-1)
    if logits.isnan().any():
        raise InputError("these weights give numbers that are not finite, so the files are torn or a fit diverged")
    plain = [_plain(model, first), *(_plain(model, (*second, *node)) for node in NODES[1:])]
    longer = _plain(model, (*first, *second))[: len(first)]
    noise = _difference(plain[0], longer)  # of rounding: as many rows as the packed texts have, and the same numbers
    if noise > CAUSAL * _spread(plain[0]) and noise > ROUNDINGS * torch.finfo(longer.dtype).eps * _spread(plain[0]):
        raise InputError(f"a text differs by {noise:.2g} nats where another follows it")
    _require_close("hidden states times the output embedding", plain[0], logits, noise)

    use_patterns(model)
    packed = PackedAttention((len(first), len(second)), keep_kv=True, device=model.device)
    found = _under(model, packed, tuple(chain(*TEXTS)), packed.positions)
    _require_close("packed texts", torch.cat([plain[0], plain[1][: len(second)]]), found, noise)

    branches = TreeAttention(
        prefix=packed,
        prompts=[(len(first), len(first) + len(second))],
        sizes=[len(NODES)],
        ancestors=torch.tensor(ANCESTORS, device=model.device),
        first=0,
        cache=KVCache(len(NODES)),
    )
    positions = torch.tensor([[len(second) + len(node) - 1 for node in NODES]], device=model.device)
    found = _under(model, branches, [node[-1] for node in NODES], positions)
    _require_close("branches of titles", torch.cat([plain[1][len(second) :], plain[2][-1:]]), found, noise)


def _plain(model: PreTrainedModel, text: Sequence[int]) -> Tensor:
    """Log-probabilities of the next token after each token of a text in a pass of its own, (n, V)."""
    return _log_prob(model, model.base_model(input_ids=_row(model, text), use_cache=False).last_hidden_state[0])


def _under(model: PreTrainedModel, pattern: AttentionPattern, text: Sequence[int], positions: Tensor) -> Tensor:
    """Log-probabilities of the next token under an attention pattern, (n, V)."""
    tokens = _row(model, text)
    output = model.base_model(input_ids=tokens, position_ids=positions, pattern=pattern, use_cache=False)
    return _log_prob(model, output.last_hidden_state[0])


def _log_prob(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    head = model.get_output_embeddings()
    return linear(hidden, head.weight, getattr(head, "bias", None)).log_softmax(dim=-1)


def _row(model: PreTrainedModel, text: Sequence[int]) -> Tensor:
    vocabulary = len(model.get_input_embeddings().weight)  # type: ignore[arg-type]
    return torch.tensor([[token % vocabulary for token in text]], device=model.device)


def _require_close(what: str, expected: Tensor, found: Tensor, noise: float) -> None:
    """Raise `InputError` unless log-probabilities, (n, V) each, are equal but for rounding, which moves them by `noise`
    where nothing else can."""
    differs = _difference(expected, found)
    allowed = max(TOLERANCE, ROUNDINGS * torch.finfo(expected.dtype).eps) * _spread(expected)
    if not differs <= max(allowed, NOISES * noise):
        raise InputError(f"{what} differ from the plain forward pass by {differs:.2g} nats")


def _difference(expected: Tensor, found: Tensor) -> float:
    """The largest difference in nats; infinite where one of them is not a number."""
    return float((expected - found).abs().nan_to_num(nan=float("inf")).max())


def _spread(log_prob: Tensor) -> float:
    return max(1.0, float(log_prob.std()))

"""One pass of a language model: careers in, hidden states out, and from these the log-probability of chosen tokens."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear
from transformers import PreTrainedModel

from laborllm.errors import CapacityError, InputError
from laborllm.lm.kernels.attention import Careers, Layout, context_length, use_layouts
from laborllm.lm.pass_sizes import COLUMNS_OF_LOGITS
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens


class Reader:
    """Runs `model` under a layout, in its own precision; with `autocast`, products are in bfloat16.

    vocabulary: tokens, ascending, over which the next token is predicted; None for all of the model's.
    """

    def __init__(self, model: PreTrainedModel, *, autocast: bool = False, vocabulary: Tokens | None = None) -> None:
        self.model = model
        self.autocast = autocast
        self.kept = None if vocabulary is None else torch.tensor(vocabulary, device=model.device)
        self.context = context_length(model)
        use_layouts(model)
        self._require_plain_head()

    @property
    def device(self) -> torch.device:
        return self.model.device

    def precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast)

    def careers(self, careers: Sequence[EncodedCareer], *, keep: bool = False) -> tuple[Tensor, Careers]:
        """Hidden states of the careers laid end to end, (n, d), from one pass, and their layout."""
        layout = Careers(tuple(len(career.tokens) for career in careers), keep=keep, device=self.device)
        tokens = torch.tensor([[token for career in careers for token in career.tokens]], device=self.device)
        return self.hidden(tokens, layout.positions, layout)[0], layout

    def require_room(self, careers: Sequence[EncodedCareer], beyond: int = 0) -> None:
        """Raise `CapacityError` unless the longest career, and `beyond` tokens more, can be read at a time."""
        length = max(len(career.tokens) for career in careers) + beyond
        if length > self.context:
            found = f"a career of {length} tokens, with all that stands before and after it,"
            raise CapacityError(
                f"{found} is longer than the {self.context} tokens that {self.model.config.model_type} reads"
            )

    def hidden(self, tokens: Tensor, positions: Tensor, layout: Layout) -> Tensor:
        """Last hidden states, (B, n, d), of tokens at positions, (B, n) each."""
        output = self.model.base_model(input_ids=tokens, position_ids=positions, layout=layout, use_cache=False)
        hidden: Tensor = output.last_hidden_state
        return hidden

    def head(self) -> tuple[Tensor, Tensor | None]:
        """Weight (V, d) and bias (V,) of the output, over the vocabulary."""
        own = self.model.get_output_embeddings()
        bias = getattr(own, "bias", None)
        if self.kept is None:
            return own.weight, bias
        return own.weight[self.kept], None if bias is None else bias[self.kept]

    def columns(self, tokens: Tensor) -> Tensor:
        """The places of tokens in the vocabulary, of the same shape. Raises `InputError` for one that is not in it."""
        if self.kept is None:
            return tokens
        columns = torch.searchsorted(self.kept, tokens).clamp(max=len(self.kept) - 1)
        if not torch.equal(self.kept[columns], tokens):
            raise InputError("a text holds a token outside the closed vocabulary of the model: fit on texts with it")
        return columns

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits over the vocabulary, (n, V), in float32 at least."""
        return _logits(hidden, *self.head())

    def next_tokens(self, hidden: Tensor, row: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """Log P(token[e]) after hidden[row[e]], (E,), and the most probable token of every row, (n,).

        The logits exist for a block of the vocabulary at a time.
        """
        weight, bias = self.head()
        column = self.columns(token)
        chosen = torch.empty(len(row), dtype=torch.float64, device=hidden.device)
        total, highest, greedy = [], [], []
        size = COLUMNS_OF_LOGITS[hidden.device.type]
        for first in range(0, len(weight), size):
            block = slice(first, first + size)
            logits = _logits(hidden, weight[block], None if bias is None else bias[block])
            inside = ((column >= first) & (column < first + size)).nonzero()[:, 0]
            chosen[inside] = logits[row[inside], column[inside] - first].double()
            total.append(logits.logsumexp(dim=-1))
            best = logits.max(dim=-1)
            highest.append(best.values)
            greedy.append(best.indices + first)
        log_prob = chosen - torch.stack(total).logsumexp(dim=0)[row]
        in_block = torch.stack(highest).argmax(dim=0, keepdim=True)
        most_probable = torch.stack(greedy).gather(0, in_block)[0]
        return log_prob, most_probable if self.kept is None else self.kept[most_probable]

    def whole(self, tokens: Sequence[int]) -> Tensor:
        """Log P(next token) after each token, (n, V), by the model's own forward pass."""
        row = torch.tensor([list(tokens)], device=self.device)
        logits: Tensor = self.model(row, layout=Careers((len(tokens),)), use_cache=False).logits[0]
        kept = logits if self.kept is None else logits[:, self.kept]
        return kept.double().log_softmax(dim=-1).cpu()

    def greedy(self, tokens: Sequence[int]) -> int:
        """The most probable token after `tokens`."""
        column = self.whole(tokens)[-1].argmax()
        return int(column if self.kept is None else self.kept[column])

    def _require_plain_head(self) -> None:
        """Hidden states times the output embedding must be the model's own logits: scaled or capped heads are
        refused."""
        tokens = torch.arange(4, device=self.device)[None]
        with torch.inference_mode():
            ours = self.logits(self.hidden(tokens, tokens, Careers((4,))))
            own = self.model(input_ids=tokens, layout=Careers((4,)), use_cache=False).logits
            own = own if self.kept is None else own[..., self.kept]
        if not torch.allclose(ours, own.to(ours.dtype), rtol=1e-4, atol=1e-4, equal_nan=True):
            raise InputError(
                f"{type(self.model).__name__} changes its logits after the output embedding: not supported"
            )


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    logits = linear(hidden, weight, bias)
    return logits if logits.dtype == torch.float64 else logits.float()

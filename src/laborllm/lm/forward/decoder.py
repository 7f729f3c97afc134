"""The forward pass of a language model: packed tokens to hidden states, and these to log-probabilities of tokens."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import linear
from transformers import PreTrainedModel

from laborllm.errors import CapacityError, InputError
from laborllm.lm.forward.probe import attend_by_patterns
from laborllm.lm.kernels.attention import AttentionPattern, context_length
from laborllm.lm.kernels.packed_attention import CachedText, ContinuedAttention, PackedAttention
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens
from laborllm.runtime import LOGIT_COLUMNS
from laborllm.training.parallel.sharding import is_sharded


class Decoder:
    """Runs `model` under an attention pattern, in its own precision; with `autocast`, products are in bfloat16.

    vocabulary: tokens, ascending, over which the next token is predicted; None for all of the model's.

    Raises `InputError` if the model's attention, or its output layer, is not what is computed here.
    """

    def __init__(self, model: PreTrainedModel, *, autocast: bool = False, vocabulary: Tokens | None = None) -> None:
        self.model = model
        self.autocast = autocast
        self.vocabulary = None if vocabulary is None else torch.tensor(vocabulary, device=model.device)
        attend_by_patterns(model)
        self.context = context_length(model)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        return self.model.device

    def precision(self) -> torch.autocast:
        """A context in which products have the decoder's precision.

        Of weights in shards no cast is kept, or a process would have all of them after one pass.
        """
        keep = not (self.autocast and is_sharded(self.model))
        return torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.autocast, cache_enabled=keep)

    def forward_packed(
        self, careers: Sequence[EncodedCareer], *, keep_kv: bool = False
    ) -> tuple[Tensor, PackedAttention]:
        """Run careers packed in one row, each blind to the others.

        Args:
            careers: Careers as tokens, n together.
            keep_kv: Whether the pattern keeps the keys and values of every layer.

        Returns:
            The last hidden states, (n, d), and the pattern of the pass.
        """
        pattern = PackedAttention(tuple(len(career.tokens) for career in careers), keep_kv, self.device)
        tokens = torch.tensor([[token for career in careers for token in career.tokens]], device=self.device)
        return self.forward(tokens, pattern.positions, pattern)[0], pattern

    def forward_continued(
        self, texts: Sequence[EncodedCareer], past: Sequence[CachedText | None]
    ) -> tuple[Tensor, PackedAttention]:
        """Run what is new of texts, packed in one row.

        Args:
            texts: B texts as tokens.
            past: What is cached of the beginning of each, less than the whole; None: nothing.

        Returns:
            The last hidden states of the n new tokens, (n, d), and the keys and values of the whole texts.
        """
        read = [0 if part is None else part.end - part.start for part in past]
        new = [text.tokens[begin:] for text, begin in zip(texts, read, strict=True)]
        whole = PackedAttention(tuple(len(text.tokens) for text in texts), keep_kv=True, device=self.device)
        pattern = ContinuedAttention(past, tuple(map(len, new)), whole)
        tokens = torch.tensor([[token for part in new for token in part]], device=self.device)
        return self.forward(tokens, pattern.positions, pattern)[0], whole

    def forward(self, tokens: Tensor, positions: Tensor, pattern: AttentionPattern) -> Tensor:
        """Run tokens under an attention pattern.

        Args:
            tokens: (B, n).
            positions: Of the tokens, (B, n).
            pattern: What each token may attend to.

        Returns:
            The last hidden states, (B, n, d).
        """
        output = self.model.base_model(input_ids=tokens, position_ids=positions, pattern=pattern, use_cache=False)
        hidden: Tensor = output.last_hidden_state
        return hidden

    def require_room(self, careers: Sequence[EncodedCareer], beyond: int = 0) -> None:
        """Check that careers fit into the model's context.

        Args:
            careers: Careers as tokens.
            beyond: How many tokens more must fit after each of them.

        Raises:
            CapacityError: The longest is too long.
        """
        length = max(len(career.tokens) for career in careers) + beyond
        if length > self.context:
            found = f"a career of {length} tokens, with all that stands before and after it,"
            raise CapacityError(
                f"{found} is longer than the {self.context} tokens that {self.model.config.model_type} reads"
            )

    def output_layer(self) -> tuple[Tensor, Tensor | None]:
        """Weight (V, d) and bias (V,) of the output layer, over the vocabulary."""
        own = self.model.get_output_embeddings()
        bias = getattr(own, "bias", None)
        if self.vocabulary is None:
            return own.weight, bias
        return own.weight[self.vocabulary], None if bias is None else bias[self.vocabulary]

    def columns(self, tokens: Tensor) -> Tensor:
        """Columns of tokens in the vocabulary, of the same shape. Raises `InputError` for one that is not in it."""
        if self.vocabulary is None:
            return tokens
        columns = torch.searchsorted(self.vocabulary, tokens).clamp(max=len(self.vocabulary) - 1)
        if not torch.equal(self.vocabulary[columns], tokens):
            raise InputError("a text holds a token outside the closed vocabulary of the model: fit on texts with it")
        return columns

    def next_tokens(self, hidden: Tensor, row: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of next tokens, with the logits of a block of the vocabulary at a time.

        Args:
            hidden: Hidden states, (n, d).
            row: The hidden state that each of E tokens is to follow, (E,).
            token: These tokens, (E,).

        Returns:
            log P(token[e] after hidden[row[e]]), (E,) nats, and the most probable token after every hidden state, (n,).
        """
        weight, bias = self.output_layer()
        column = self.columns(token)
        chosen = torch.empty(len(row), dtype=torch.float64, device=hidden.device)
        total, highest, greedy = [], [], []
        size = LOGIT_COLUMNS[hidden.device.type]
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
        return log_prob, most_probable if self.vocabulary is None else self.vocabulary[most_probable]

    def log_softmax(self, tokens: Sequence[int]) -> Tensor:
        """Log P(next token) after each token, (n, V) nats, by the model's own forward pass: the reference."""
        row = torch.tensor([list(tokens)], device=self.device)
        logits: Tensor = self.model(row, pattern=PackedAttention((len(tokens),)), use_cache=False).logits[0]
        inside = logits if self.vocabulary is None else logits[:, self.vocabulary]
        return inside.double().log_softmax(dim=-1).cpu()

    def greedy(self, tokens: Sequence[int]) -> int:
        """The most probable token after `tokens`."""
        column = self.log_softmax(tokens)[-1].argmax()
        return int(column if self.vocabulary is None else self.vocabulary[column])


def _logits(hidden: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Logits, (..., V), in float32 at least."""
    logits = linear(hidden, weight, bias)
    return logits if logits.dtype == torch.float64 else logits.float()

"""The exact probability of every title: log P(title | prompt) = sum of log P(token | prompt, earlier tokens).

Softmax over the whole vocabulary, the leading space and the ending newline included, never length-normalised, so that
the probabilities of all titles sum to at most one (the raw mass). `naive` is one pass per title and record, the oracle;
`tree` gives the same numbers from one pass over the career and one over the trie of titles for each of its records;
`realised` gives the observed title alone, from the one pass over the career.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from transformers import PreTrainedModel

from laborllm.errors import ModelError
from laborllm.lm.attention import Branches, Careers, context_length, use_layouts
from laborllm.lm.base import BaseModel
from laborllm.lm.encoding import CareerEncoder, EncodedCareer, Tokens
from laborllm.lm.hardware import best_device, has_fast_bfloat16, keep_freed_memory
from laborllm.lm.trie import LEAF, ROOT, TitleTrie, build_trie
from laborllm.occupations import Taxonomy
from laborllm.text import Template

Method = Literal["tree", "naive"]

HEAD_ROWS = 512  # rows of hidden states whose full-vocabulary logits exist at a time
BRANCH_TOKENS = 1024  # tokens of title branches in one pass, at least one record
PACK_TOKENS = 1024  # tokens of careers in one pass, at least one career


@dataclass(frozen=True)
class TitleScores:
    """Of the T records of one career: log_prob (T, J) nats, not normalised over titles; greedy_valid (T,) whether the
    most probable continuation, token by token, is a title."""

    log_prob: NDArray[np.float64]
    greedy_valid: NDArray[np.bool_]


class Scorer:
    """Scores titles with one language model, in float32; with `autocast`, products are in bfloat16."""

    def __init__(self, base: BaseModel, encoder: CareerEncoder, *, autocast: bool = False) -> None:
        self.base = base
        self.model = base.model
        self.encoder = encoder
        self.autocast = autocast
        self.context = context_length(base.model)
        use_layouts(self.model)
        _require_plain_head(self.model)

    @cached_property
    def trie(self) -> TitleTrie:
        return build_trie(self.encoder.title_tokens, self.encoder.template.title_texts(self.encoder.taxonomy))

    @torch.inference_mode()
    def score(self, careers: Sequence[EncodedCareer], method: Method = "tree") -> Iterator[TitleScores]:
        """The probability of every title for every record, career by career."""
        scored = {"tree": self._tree, "naive": self._naive}[method]
        for pack in packs([len(career.tokens) for career in careers], PACK_TOKENS):
            self._require_fit(careers[index] for index in pack)
            with self._precision():
                yield from scored([careers[index] for index in pack])

    @torch.inference_mode()
    def realised(self, careers: Sequence[EncodedCareer]) -> Iterator[NDArray[np.float64]]:
        """Log-probability of each observed title in nats, (T,) per career, several careers to a pass."""
        for pack in packs([len(career.tokens) for career in careers], PACK_TOKENS):
            self._require_fit(careers[index] for index in pack)
            with self._precision():
                yield from self._realised([careers[index] for index in pack])

    def _realised(self, careers: list[EncodedCareer]) -> Iterator[NDArray[np.float64]]:
        hidden, layout = self._read(careers, keep=False)
        for career, states in zip(careers, hidden.split(layout.lengths), strict=True):
            spans = [range(start, end) for start, end in zip(career.starts, career.ends, strict=True)]
            places = torch.tensor([place for span in spans for place in span], device=states.device)
            tokens = torch.tensor(career.tokens, device=states.device)[places]
            log_prob, _ = self._log_prob(states[places - 1], torch.arange(len(places), device=states.device), tokens)
            title = np.repeat(np.arange(len(spans)), [len(span) for span in spans])
            yield np.bincount(title, log_prob.double().cpu().numpy()).astype(np.float64)

    def _tree(self, careers: list[EncodedCareer]) -> Iterator[TitleScores]:
        """One pass over the careers, then the trie from the end of every prompt, several records at once."""
        hidden, layout = self._read(careers, keep=True)
        begins = np.cumsum([0, *layout.lengths[:-1]]).tolist()
        prompts = [
            (begin, begin + start) for begin, career in zip(begins, careers, strict=True) for start in career.starts
        ]
        at_once = max(1, BRANCH_TOKENS // max(self.trie.nodes, 1))
        chunks = [
            self._branches(hidden, layout, prompts[first : first + at_once])
            for first in range(0, len(prompts), at_once)
        ]
        ends = np.cumsum([len(career.starts) for career in careers])[:-1]
        log_prob = np.split(np.concatenate([chunk.log_prob for chunk in chunks]), ends)
        valid = np.split(np.concatenate([chunk.greedy_valid for chunk in chunks]), ends)
        yield from map(TitleScores, log_prob, valid)

    def _branches(self, hidden: Tensor, careers: Careers, prompts: list[tuple[int, int]]) -> TitleScores:
        """Run the trie from the end of each of B prompts, given as (start, end) in the row of careers."""
        trie, device, records = self.trie, hidden.device, len(prompts)
        starts, ends = torch.tensor(prompts, device=device).T
        roots = hidden[ends - 1][:, None]  # (B, 1, d)
        layout = Branches(careers, prompts, torch.from_numpy(trie.ancestors).to(device))
        tokens = torch.from_numpy(trie.tokens).to(device).expand(records, -1)
        positions = (ends - starts)[:, None] + torch.from_numpy(trie.depth).to(device) - 1
        nodes = self.hidden(tokens, positions, layout) if trie.nodes else roots[:, :0]
        rows = torch.cat([roots, nodes], dim=1)  # (B, 1 + N, d)
        first_row = torch.arange(records, device=device)[:, None] * rows.shape[1]
        row = torch.from_numpy(trie.edge_row).to(device) + first_row  # (B, E)
        token = torch.from_numpy(trie.edge_token).to(device).expand(records, -1)
        edge, greedy = self._log_prob(rows.flatten(0, 1), row.flatten(), token.flatten())
        edge_log_prob = edge.double().cpu().numpy().reshape(records, -1)
        with_padding = np.pad(edge_log_prob, ((0, 0), (0, 1)))  # edge E adds nothing
        log_prob = with_padding[:, trie.title_edges].sum(axis=-1)
        return TitleScores(log_prob, _greedy_valid(trie, greedy.cpu().numpy().reshape(records, -1)))

    def _naive(self, careers: list[EncodedCareer]) -> Iterator[TitleScores]:
        """One plain pass over prompt and title for each title of each record."""
        titles = self.encoder.title_tokens
        for career in careers:
            prompts = [career.tokens[:start] for start in career.starts]
            log_prob = np.array([[self._title(prompt, title) for title in titles] for prompt in prompts])
            yield TitleScores(log_prob, np.array([self._greedy(prompt) in titles for prompt in prompts]))

    def _title(self, prompt: Tokens, title: Tokens) -> float:
        places = torch.arange(len(prompt) - 1, len(prompt) + len(title) - 1)
        log_prob = self._next_token(prompt + title)[places]
        return float(log_prob[torch.arange(len(title)), torch.tensor(title)].sum())

    def _greedy(self, prompt: Tokens) -> Tokens:
        longest = max(map(len, self.encoder.title_tokens))
        title: Tokens = ()
        while len(title) < longest and title not in self.encoder.title_tokens:
            title += (int(self._next_token(prompt + title)[-1].argmax()),)
        return title

    def _next_token(self, tokens: Tokens) -> Tensor:
        """Log P(next token) after each token, (n, V), by the model's own forward pass."""
        layout = Careers((len(tokens),))
        logits: Tensor = self.model(
            torch.tensor([tokens], device=self.model.device), layout=layout, use_cache=False
        ).logits
        return logits[0].double().log_softmax(dim=-1).cpu()

    def _read(self, careers: list[EncodedCareer], *, keep: bool) -> tuple[Tensor, Careers]:
        """Hidden states of the careers laid end to end, (n, d), from one pass, and their layout."""
        layout = Careers(tuple(len(career.tokens) for career in careers), keep=keep)
        tokens = torch.tensor([[token for career in careers for token in career.tokens]], device=self.model.device)
        return self.hidden(tokens, layout.positions.to(self.model.device), layout)[0], layout

    def hidden(self, tokens: Tensor, positions: Tensor, layout: Careers | Branches) -> Tensor:
        """Last hidden states, (B, n, d)."""
        output = self.model.base_model(input_ids=tokens, position_ids=positions, layout=layout, use_cache=False)
        hidden: Tensor = output.last_hidden_state
        return hidden

    def _log_prob(self, hidden: Tensor, row: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """Log P(token[e]) after hidden[row[e]], (E,), and the most probable token of every row, (n,).

        The vocabulary's logits exist for `HEAD_ROWS` rows at a time.
        """
        log_prob = torch.empty(len(row), device=hidden.device)
        greedy = torch.empty(len(hidden), dtype=torch.long, device=hidden.device)
        for start in range(0, len(hidden), HEAD_ROWS):
            logits = head_logits(self.model, hidden[start : start + HEAD_ROWS])
            inside = ((row >= start) & (row < start + HEAD_ROWS)).nonzero()[:, 0]
            place = row[inside] - start
            log_prob[inside] = logits[place, token[inside]] - logits.logsumexp(dim=-1)[place]
            greedy[start : start + HEAD_ROWS] = logits.argmax(dim=-1)
        return log_prob, greedy

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.model.device.type, dtype=torch.bfloat16, enabled=self.autocast)

    def _require_fit(self, careers: Iterable[EncodedCareer]) -> None:
        longest = max(map(len, self.encoder.title_tokens))
        for career in careers:
            if len(career.tokens) + longest > self.context:
                raise ModelError(f"a career of {len(career.tokens)} tokens is longer than the model's {self.context}")


def title_scorer(base: BaseModel, template: Template, taxonomy: Taxonomy, *, bfloat16: bool = False) -> Scorer:
    """A scorer on the best device of this machine. With `bfloat16`, products are in bfloat16 where that is fast."""
    keep_freed_memory()
    device = best_device()
    base.model.to(device)  # type: ignore[arg-type]
    encoder = CareerEncoder(base.tokenizer, template, taxonomy)
    return Scorer(base, encoder, autocast=bfloat16 and has_fast_bfloat16(device))


def packs(lengths: Sequence[int], limit: int) -> Iterator[list[int]]:
    """Consecutive indexes whose lengths add up to at most `limit`, at least one a pack."""
    pack: list[int] = []
    total = 0
    for index, length in enumerate(lengths):
        if pack and total + length > limit:
            yield pack
            pack, total = [], 0
        pack.append(index)
        total += length
    if pack:
        yield pack


def head_logits(model: PreTrainedModel, hidden: Tensor) -> Tensor:
    """Logits over the vocabulary in float32, (n, V)."""
    logits: Tensor = model.get_output_embeddings()(hidden).float()
    return logits


def _greedy_valid(trie: TitleTrie, greedy: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether following the most probable token of each row, (B, 1 + N), ends at a title."""
    return np.array([_follows(trie, tokens) for tokens in greedy])


def _follows(trie: TitleTrie, tokens: NDArray[np.int64]) -> bool:
    row = ROOT
    while row is not None and row != LEAF:
        row = trie.child.get((row, int(tokens[row])))  # type: ignore[assignment]
    return row == LEAF


def _require_plain_head(model: PreTrainedModel) -> None:
    """Hidden states times the output embedding must be the model's own logits: scaled or capped heads are refused."""
    tokens = torch.arange(4, device=model.device)[None]
    with torch.inference_mode():
        layout = Careers((4,))
        hidden = model.base_model(input_ids=tokens, layout=layout, use_cache=False).last_hidden_state
        ours = head_logits(model, hidden)
        own = model(input_ids=tokens, layout=layout, use_cache=False).logits
    if not torch.allclose(ours, own.float(), rtol=1e-4, atol=1e-4):
        raise ModelError(f"{type(model).__name__} changes its logits after the output embedding: not supported")

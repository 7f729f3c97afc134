"""The exact probability of every title: log P(title | prompt) = sum of log P(token | prompt, earlier tokens).

Softmax over the whole vocabulary, the leading space and the ending newline included, never length-normalised, so that
the probabilities of all titles sum to at most one (the raw mass). `naive` is one pass per title and record, the oracle;
`tree` gives the same numbers from one pass over the career and one over the trie of titles for each of its records;
`pruned` runs the probable branches of the trie alone and bounds the rest; `realised` gives the observed title alone,
from the one pass over the career.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from laborllm.lm.base.load import BaseModel
from laborllm.lm.forward.decoder import Reader
from laborllm.lm.kernels.attention import Careers
from laborllm.lm.pass_sizes import NODES, TOKENS_READ
from laborllm.lm.scoring.options import Cost, ScoringOptions
from laborllm.lm.scoring.pruning import expand
from laborllm.lm.scoring.title_scores import TitleScores, title_scores
from laborllm.lm.scoring.trie import TitleTrie, build_trie
from laborllm.lm.scoring.trie_expansion import Branching
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, Tokens
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import best_device, has_fast_bfloat16
from laborllm.training.memory import keep_freed_memory

GIGABYTE = 1e9
REMEMBERED = 4096  # prompts of first records, some ten kilobytes each
DEFAULT = ScoringOptions()


class Scorer:
    """Scores titles with one language model, in its own precision; with `autocast`, products are in bfloat16. The
    softmax is over `vocabulary` (see `tokens_in_use`), or over all of the model's tokens.

    cost: of rounding weights or products, None as long as they are those of the fit (see `rounding`).
    """

    def __init__(
        self, base: BaseModel, encoder: CareerEncoder, *, autocast: bool = False, vocabulary: Tokens | None = None
    ) -> None:
        self.base = base
        self.encoder = encoder
        self.vocabulary = vocabulary
        self.cost: Cost | None = None
        self._remembered: dict[tuple[Tokens, ScoringOptions], TitleScores] = {}
        self.reader = Reader(base.model, autocast=autocast, vocabulary=vocabulary)

    @cached_property
    def trie(self) -> TitleTrie:
        return build_trie(self.encoder.title_tokens, self.encoder.template.title_texts(self.encoder.taxonomy))

    @torch.inference_mode()
    def score(
        self, careers: Sequence[EncodedCareer], options: ScoringOptions = DEFAULT, *, remember: bool = False
    ) -> Iterator[TitleScores]:
        """The probability of every title for every record, career by career.

        Prompts of first records are often alike, as they hold covariates only: each is scored once a call.

        remember: score them once in the life of this scorer, if the trie fills a pass by itself: each in a pass of its
        own, so that what is scored beside it changes no bit. The careers are whole, and the weights stay as they are.
        """
        first: dict[Tokens, TitleScores] = {}
        for pack in self._packs(careers):
            with self.reader.precision():
                if options.method == "naive":
                    yield from self._naive(pack)
                    continue
                if remember and self.trie.nodes >= NODES[self.reader.device.type]:
                    first |= self._first_records(pack, options)
                yield from self._grown(pack, options, first)

    @torch.no_grad()  # not inference_mode: training goes on with sharded weights that are gathered here
    def realised(self, careers: Sequence[EncodedCareer]) -> Iterator[NDArray[np.float64]]:
        """Log-probability of each observed title in nats, (T,) per career without open records, several careers to a
        pass."""
        for pack in self._packs(careers):
            with self.reader.precision():
                hidden, layout = self.reader.careers(pack)
                yield from map(self._observed, pack, hidden.split(layout.lengths))

    @torch.inference_mode()
    def title(self, prompt: Tokens, title: Tokens) -> float:
        """Log-probability of one title after one prompt, in nats: a pass over both, as `naive` has it."""
        places = torch.arange(len(prompt) - 1, len(prompt) + len(title) - 1)
        log_prob = self.reader.whole(prompt + title)[places]
        columns = self.reader.columns(torch.tensor(title, device=self.reader.device)).cpu()
        return float(log_prob[torch.arange(len(title)), columns].sum())

    def require_room(self, careers: Sequence[EncodedCareer]) -> None:
        """Raise `CapacityError` unless the longest career, and a title, fit into what the model reads at a time."""
        self.reader.require_room(careers, beyond=max(map(len, self.encoder.title_tokens)))

    def _packs(self, careers: Sequence[EncodedCareer]) -> Iterator[list[EncodedCareer]]:
        self.require_room(careers)
        return packed(careers, TOKENS_READ[self.reader.device.type])

    def _observed(self, career: EncodedCareer, states: Tensor) -> NDArray[np.float64]:
        """Log-probability of the observed titles, (m,), from the hidden states of their career, (n, d)."""
        spans = [range(start, end) for start, end in career.observed]
        places = torch.tensor([place for span in spans for place in span], device=states.device)
        tokens = torch.tensor(career.tokens, device=states.device)[places]
        rows = torch.arange(len(places), device=states.device)
        log_prob, _ = self.reader.next_tokens(states[places - 1], rows, tokens)
        title = np.repeat(np.arange(len(spans)), [len(span) for span in spans])
        return np.bincount(title, log_prob.cpu().numpy()).astype(np.float64)

    def _grown(
        self, careers: list[EncodedCareer], options: ScoringOptions, first: dict[Tokens, TitleScores]
    ) -> Iterator[TitleScores]:
        """One pass over the careers, then the trie from the end of every prompt, several records at once.

        first: what is known of prompts of first records, and is added to.
        """
        hidden, layout = self.reader.careers(careers, keep=True)
        begins = np.cumsum([0, *layout.lengths[:-1]]).tolist()
        places = {
            career.tokens[:start]: (begin, begin + start)
            for begin, career in zip(begins, careers, strict=True)
            for start in career.starts
            if career.tokens[:start] not in first
        }
        scored = first | dict(zip(places, self._branch(hidden, layout, list(places.values()), options), strict=True))
        for career, states in zip(careers, hidden.split(layout.lengths), strict=True):
            prompts = [career.tokens[:start] for start in career.starts]
            scores = TitleScores.join(scored[prompt] for prompt in prompts)
            if not career.history:
                first[prompts[0]] = scored[prompts[0]]
            if options.method == "pruned":
                scores = self._resolving(scores, career, states)
            yield scores

    def _first_records(self, careers: list[EncodedCareer], options: ScoringOptions) -> dict[Tokens, TitleScores]:
        """The scores of the first records of careers, by prompt; at most `REMEMBERED` stay for later calls."""
        prompts = {career.tokens[: career.starts[0]] for career in careers if not career.history}
        if len(self._remembered) > REMEMBERED:
            self._remembered.clear()
        for prompt in prompts:
            if (prompt, options) not in self._remembered:
                hidden, layout = self.reader.careers([EncodedCareer("", prompt, (), ())], keep=True)
                (scores,) = self._branch(hidden, layout, [(0, len(prompt))], options)
                self._remembered[prompt, options] = scores
        return {prompt: self._remembered[prompt, options] for prompt in prompts}

    def _branch(
        self, hidden: Tensor, careers: Careers, prompts: list[tuple[int, int]], options: ScoringOptions
    ) -> Iterator[TitleScores]:
        """Each record's scores, from prompts that stand at (start, end) in the pass over `careers`."""
        bytes_per_record = self.trie.nodes * careers.bytes_per_token
        at_once = max(1, int(options.memory * GIGABYTE) // max(1, bytes_per_record))
        if options.method == "tree":  # then a few records fill a pass
            at_once = min(at_once, 1 + NODES[self.reader.device.type] // max(1, self.trie.nodes))
        for start in range(0, len(prompts), at_once):
            branching = Branching(self.reader, self.trie, hidden, careers, prompts[start : start + at_once])
            if options.method == "pruned":
                expand(branching, options.tolerance)
            else:
                branching.run_all()
            yield from title_scores(branching).records()

    def _resolving(self, scores: TitleScores, career: EncodedCareer, states: Tensor) -> TitleScores:
        """The scores of a career with the observed titles known exactly; an open record, its last, stays as it is."""
        titles = np.array([self._column[career.tokens[start:end]] for start, end in career.observed], dtype=np.intp)
        if not len(titles):
            return scores
        records = list(scores.records())
        known = TitleScores.join(records[: len(titles)]).resolving(titles, self._observed(career, states))
        return TitleScores.join([known, *records[len(titles) :]])

    @cached_property
    def _column(self) -> dict[Tokens, int]:
        return {tokens: column for column, tokens in enumerate(self.encoder.title_tokens)}

    def _naive(self, careers: list[EncodedCareer]) -> Iterator[TitleScores]:
        """One plain pass over prompt and title for each title of each record."""
        for career in careers:
            prompts = [career.tokens[:start] for start in career.starts]
            log_prob = [[self.title(prompt, title) for title in self.encoder.title_tokens] for prompt in prompts]
            valid = [self._greedy(prompt) in self._column for prompt in prompts]
            yield TitleScores.exact(np.array(log_prob), np.array(valid))

    def _greedy(self, prompt: Tokens) -> Tokens:
        longest = max(map(len, self.encoder.title_tokens))
        title: Tokens = ()
        while len(title) < longest and title not in self._column:
            title += (self.reader.greedy(prompt + title),)
        return title


def title_scorer(
    base: BaseModel, encoder: CareerEncoder, *, bfloat16: bool = False, vocabulary: Tokens | None = None
) -> Scorer:
    """A scorer on the best device of this machine. With `bfloat16`, products are in bfloat16 where that is fast."""
    keep_freed_memory()
    device = best_device()
    base.model.to(device)  # type: ignore[arg-type]
    autocast = bfloat16 and has_fast_bfloat16(device)
    return Scorer(base, encoder, autocast=autocast, vocabulary=vocabulary)

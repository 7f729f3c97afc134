"""The exact probability of every title: log P(title | prompt) = sum of log P(token | prompt, earlier tokens).

Softmax over the whole vocabulary, the leading space and the ending newline included, never length-normalised, so that
the probabilities of all titles sum to at most one (the raw mass). `naive` is one pass per title and record, the oracle;
`tree` gives the same numbers from one pass over the career and one over the trie of titles for each of its records
(prefix-tree attention); `pruned` runs only the probable branches of the trie and bounds the rest.
"""

from collections.abc import Iterator, Sequence
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from laborllm.lm.forward.loglikelihood import observed_log_prob
from laborllm.lm.forward.text_model import TextModel
from laborllm.lm.kernels.packed_attention import PackedAttention
from laborllm.lm.scoring.naive import naive_scores
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.lm.scoring.pruning import expand
from laborllm.lm.scoring.title_scores import TitleScores, title_scores
from laborllm.lm.scoring.trie import TitleTrie, build_trie
from laborllm.lm.scoring.trie_expansion import TrieExpansion
from laborllm.lm.tokens.encoding import EncodedCareer, Tokens
from laborllm.lm.tokens.packing import packed
from laborllm.runtime import FORWARD_TOKENS, TRIE_NODES

GIGABYTE = 1e9
REMEMBERED = 4096  # prompts of first records, some ten kilobytes each
DEFAULT = ScoringOptions()


class Scorer:
    """Scores every title of the taxonomy with one text model, in the precision of that model.

    Attributes:
        model: The text model, whose weights stay as they are.
    """

    def __init__(self, model: TextModel) -> None:
        self.model = model
        self._remembered: dict[tuple[Tokens, ScoringOptions], TitleScores] = {}

    @cached_property
    def trie(self) -> TitleTrie:
        """The prefix tree of the titles' tokens."""
        encoder = self.model.encoder
        return build_trie(encoder.title_tokens, encoder.template.title_texts(encoder.taxonomy))

    @torch.inference_mode()
    def score(
        self, careers: Sequence[EncodedCareer], options: ScoringOptions = DEFAULT, *, remember: bool = False
    ) -> Iterator[TitleScores]:
        """The probability of every title for every record, career by career.

        Prompts of first records are often alike, as they hold covariates only: each is scored once a call.

        Args:
            careers: The careers, or windows of them, as tokens.
            options: The method, and what bounds its error and memory.
            remember: Score prompts of first records once in the life of this scorer, if the trie fills a pass by
                itself: each in a pass of its own, so that what is scored alongside changes no bit.

        Raises:
            CapacityError: A career, with a title after it, is longer than the model's context.
        """
        self.model.require_room(careers)
        decoder, first_records = self.model.decoder, dict[Tokens, TitleScores]()
        for pack in packed(careers, FORWARD_TOKENS[decoder.device.type]):
            with decoder.precision():
                if options.method == "naive":
                    found = list(naive_scores(self.model, pack))
                else:
                    if remember and self.trie.nodes >= TRIE_NODES[decoder.device.type]:
                        first_records |= self._score_first_records(pack, options)
                    found = self._score_pack(pack, options, first_records)
            yield from found

    def _score_pack(
        self, careers: list[EncodedCareer], options: ScoringOptions, first_records: dict[Tokens, TitleScores]
    ) -> list[TitleScores]:
        """One pass over the careers, then the trie from the end of every prompt, several records at once.

        first_records: the scores known of prompts of first records, to which those of these careers are added.
        """
        hidden, prefix = self.model.decoder.forward_packed(careers, keep_kv=True)
        begins = np.cumsum([0, *prefix.lengths[:-1]]).tolist()
        places = {
            career.tokens[:start]: (begin, begin + start)
            for begin, career in zip(begins, careers, strict=True)
            for start in career.starts
            if career.tokens[:start] not in first_records
        }
        ends = torch.tensor([end for _, end in places.values()], dtype=torch.long, device=hidden.device)
        expanded = self.expand(hidden[ends - 1], prefix, list(places.values()), options)
        scored = first_records | dict(zip(places, expanded, strict=True))
        found = []
        for career, states in zip(careers, hidden.split(prefix.lengths), strict=True):
            prompts = [career.tokens[:start] for start in career.starts]
            scores = TitleScores.join(scored[prompt] for prompt in prompts)
            if not career.history:
                first_records[prompts[0]] = scored[prompts[0]]
            if options.method == "pruned":
                scores = self._resolving(scores, career, states)
            found.append(scores)
        return found

    def _score_first_records(self, careers: list[EncodedCareer], options: ScoringOptions) -> dict[Tokens, TitleScores]:
        """The scores of the first records of careers, by prompt; at most `REMEMBERED` stay for later calls."""
        prompts = {career.tokens[: career.starts[0]] for career in careers if not career.history}
        if len(self._remembered) > REMEMBERED:
            self._remembered.clear()
        for prompt in prompts:
            if (prompt, options) not in self._remembered:
                prompt_only = [EncodedCareer("", prompt, (), ())]
                hidden, prefix = self.model.decoder.forward_packed(prompt_only, keep_kv=True)
                (scores,) = self.expand(hidden[-1:], prefix, [(0, len(prompt))], options)
                self._remembered[prompt, options] = scores
        return {prompt: self._remembered[prompt, options] for prompt in prompts}

    def expand(
        self, hidden: Tensor, prefix: PackedAttention, prompts: list[tuple[int, int]], options: ScoringOptions
    ) -> Iterator[TitleScores]:
        """Score every title after prompts that a pass has read, a few records at a time.

        Args:
            hidden: Last hidden states at the ends of B prompts, (B, d).
            prefix: The pass, which has stored its keys and values.
            prompts: (start, end) of each prompt in that pass.
            options: The method, `tree` or `pruned`, and what bounds its error and memory.

        Yields:
            The scores of each record.
        """
        decoder = self.model.decoder
        bytes_per_record = self.trie.nodes * prefix.bytes_per_token
        records = max(1, int(options.memory * GIGABYTE) // max(1, bytes_per_record))
        if options.method == "tree":  # then a few records fill a pass
            records = min(records, 1 + TRIE_NODES[decoder.device.type] // max(1, self.trie.nodes))
        for start in range(0, len(prompts), records):
            some = slice(start, start + records)
            expansion = TrieExpansion(decoder, self.trie, hidden[some], prefix, prompts[some])
            if options.method == "pruned":
                expand(expansion, options.tolerance)
            else:
                expansion.run_all()
            yield from title_scores(expansion).records()

    def _resolving(self, scores: TitleScores, career: EncodedCareer, states: Tensor) -> TitleScores:
        """The scores of a career with the observed titles known exactly; an open record, its last, stays as it is."""
        column = self.model.encoder.column
        titles = np.array([column[career.tokens[start:end]] for start, end in career.observed], dtype=np.intp)
        if not len(titles):
            return scores
        records = list(scores.records())
        log_prob = observed_log_prob(self.model.decoder, career, states)
        known = TitleScores.join(records[: len(titles)]).resolving(titles, log_prob)
        return TitleScores.join([known, *records[len(titles) :]])

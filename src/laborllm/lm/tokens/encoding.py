"""Career texts to tokens, with the place of every title; that a prompt ends between two tokens is checked."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby
from typing import TypeVar

from transformers import PreTrainedTokenizerFast

from laborllm.errors import TaxonomyError
from laborllm.lm.tokens.lines import KnownLines, Line, lines_of
from laborllm.occupations import Taxonomy
from laborllm.text import CareerText, Template, after

Tokens = tuple[int, ...]
Encoded = TypeVar("Encoded", bound="EncodedCareer")


@dataclass(frozen=True)
class EncodedCareer:
    """A career as tokens, or a window of it, from which T records are forecast.

    Attributes:
        worker: Whose career it is.
        tokens: The whole text.
        starts: Where the title of each of the T records starts in `tokens`: the end of its prompt.
        ends: Where each title ends, its newline included; equal to its start where the record is open.
        history: (start, end) of the titles before, of records that are not forecast from this text.
    """

    worker: str
    tokens: Tokens
    starts: Tokens
    ends: Tokens
    history: tuple[tuple[int, int], ...] = ()

    @property
    def places(self) -> list[tuple[int, int]]:
        """(start, end) of the titles of all records, in order."""
        return [*self.history, *zip(self.starts, self.ends, strict=True)]

    @property
    def observed(self) -> list[tuple[int, int]]:
        """(start, end) of the titles of the forecast records that are not open."""
        return [(start, end) for start, end in zip(self.starts, self.ends, strict=True) if start < end]

    @property
    def learnt_from(self) -> int:
        """The first token that this text is trained on: earlier ones have no context, or are part of another window."""
        return self.history[-1][1] if self.history else 1


def by_worker(careers: Iterable[Encoded]) -> list[list[Encoded]]:
    """The texts of each career together: one, or its windows."""
    return [list(texts) for _, texts in groupby(careers, key=lambda career: career.worker)]


@dataclass(frozen=True)
class CareerEncoder:
    """Tokenises whole careers and finds the tokens of their titles.

    Attributes:
        tokenizer: The tokenizer of the base model.
        template: How careers are written.
        taxonomy: The occupations.
        prefix: In-context prefix, put before every career.

    Raises:
        TaxonomyError: The tokenizer merges characters across the edge of a title, or tokenises a title differently in
            different careers: then its probability would not be the probability of one sequence.
    """

    tokenizer: PreTrainedTokenizerFast
    template: Template
    taxonomy: Taxonomy
    prefix: str = ""

    @cached_property
    def title_tokens(self) -> tuple[Tokens, ...]:
        """The tokens of each occupation of the taxonomy, leading space and ending newline included, J sequences."""
        return tuple(self._tokens_of(title) for title in self.template.title_texts(self.taxonomy))

    @cached_property
    def column(self) -> dict[Tokens, int]:
        """The column of each title in the taxonomy, by its tokens."""
        return {tokens: column for column, tokens in enumerate(self.title_tokens)}

    @cached_property
    def _titles(self) -> dict[str, Tokens]:
        """The tokens of each title, and of the title of an open record: none."""
        return dict(zip(self.template.title_texts(self.taxonomy), self.title_tokens, strict=True)) | {"": ()}

    @cached_property
    def _known_lines(self) -> KnownLines:
        return KnownLines.of(self.tokenizer)

    def encode(self, careers: Iterable[CareerText]) -> Iterator[EncodedCareer]:
        """Tokenise careers, with the place of every title.

        Raises:
            TaxonomyError: A title has other tokens in a career than after a bare year.
        """
        for career in (after(self.prefix, career) for career in careers):
            yield self._encode_open(career) if career.is_open else self._encode(career)

    def _tokens_of(self, title: str) -> Tokens:
        line, end = "2000:", f" {title}\n2001:"
        career = CareerText("", line + end, (len(line),), (len(line) + 1 + len(title),))
        tokens, _, ((start, stop),) = self._tokenise(career)
        return tokens[start:stop]

    def _encode_open(self, career: CareerText) -> EncodedCareer:
        """The tokens up to the title of the open record, the same as when the record is closed."""
        closed = self._encode(career.closed(self.template.title_texts(self.taxonomy)[0]))
        end = closed.starts[-1]
        return replace(closed, tokens=closed.tokens[:end], ends=(*closed.ends[:-1], end))

    def _encode(self, career: CareerText) -> EncodedCareer:
        lines = lines_of(career.text, career.places)
        tokens, places = self._known_lines.join(lines) or self._encode_whole(career, lines)
        read = len(career.history)
        starts, stops = zip(*places[read:], strict=True)
        return EncodedCareer(career.worker, tokens, starts, stops, tuple(places[:read]))

    def _encode_whole(self, career: CareerText, lines: Sequence[Line]) -> tuple[Tokens, list[tuple[int, int]]]:
        """The tokens of a career one of whose lines is new, and the places of its titles."""
        tokens, ends, places = self._tokenise(career)
        for (start, end), (first, stop) in zip(career.places, places, strict=True):
            title = career.text[start + 1 : end]
            if tokens[first:stop] != self._titles[title]:
                raise TaxonomyError(f"the tokenizer tokenises {title!r} in a career differently than after a bare year")
        self._known_lines.learn(lines, tokens, ends, places)
        return tokens, places

    def _tokenise(self, career: CareerText) -> tuple[Tokens, list[int], list[tuple[int, int]]]:
        """Tokens, where each ends in the text, and between which the titles are."""
        encoding = self.tokenizer(career.text, return_offsets_mapping=True)
        ends = [end for _, end in encoding["offset_mapping"]]
        places, token = [], 0
        for prompt_end, title_end in career.places:
            while ends[token] <= prompt_end:
                token += 1
            first = token
            while ends[token] <= title_end:
                token += 1
            self._require_edges(career, encoding["offset_mapping"], first, token, prompt_end, title_end)
            places.append((first, token + 1))
        return tuple(encoding["input_ids"]), ends, places

    def _require_edges(
        self, career: CareerText, offsets: list[tuple[int, int]], first: int, last: int, prompt_end: int, title_end: int
    ) -> None:
        if offsets[first][0] < prompt_end or offsets[last][1] != title_end + 1:
            title = career.text[prompt_end + 1 : title_end]
            raise TaxonomyError(f"the tokenizer merges the title {title!r} with the text around it")

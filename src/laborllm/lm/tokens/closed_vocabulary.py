"""A closed vocabulary: the few hundred tokens that career texts are made of, of the tens of thousands of a base model.

Over these tokens the output layer and the softmax of a pass cost next to nothing. The model is then another one: the
probability of all other tokens is shared among them, so it is a choice of the fit and not of the scoring.
"""

from collections.abc import Iterable

from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer, Tokens


def tokens_in_use(encoder: CareerEncoder, careers: Iterable[EncodedCareer]) -> Tokens:
    """The tokens of all titles and of the given careers, ascending."""
    used = {token for title in encoder.title_tokens for token in title}
    return tuple(sorted(used.union(*(career.tokens for career in careers))))

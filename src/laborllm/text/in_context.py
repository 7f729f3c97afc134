"""In-context prefixes: the list of titles, and whole careers as examples, before a career (LABOR-LLM, sec. G.1)."""

from collections.abc import Sequence
from dataclasses import replace

from laborllm.text.template import CareerText

TITLES = "Every job title in a work history is one of the following, one title per line:\n"
END_OF_TITLES = "<END OF TITLES>\n"


def in_context_prefix(titles: Sequence[str], examples: Sequence[str]) -> str:
    """The list of `titles`, if there are any, and then the texts of example careers."""
    listed = TITLES + "".join(f"{title}\n" for title in titles) + END_OF_TITLES if titles else ""
    return listed + "".join(f"{example}\n" for example in examples)


def after(text: str, career: CareerText) -> CareerText:
    """`career` with the prefix `text`, and its places moved accordingly."""
    return replace(
        career,
        text=text + career.text,
        prompt_ends=tuple(len(text) + end for end in career.prompt_ends),
        title_ends=tuple(len(text) + end for end in career.title_ends),
        history=tuple((len(text) + start, len(text) + end) for start, end in career.history),
    )

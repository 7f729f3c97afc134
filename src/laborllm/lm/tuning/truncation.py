"""Truncation: careers longer than the base model's context are an error, or lose their oldest records."""

from dataclasses import replace
from itertools import takewhile

import polars as pl

from laborllm.errors import CapacityError
from laborllm.lm.tokens.encoding import CareerEncoder, EncodedCareer
from laborllm.lm.tuning.config import Overflow
from laborllm.panel import Panel
from laborllm.privacy import bound
from laborllm.text import render


def within_context(panel: Panel, encoder: CareerEncoder, context: int, overflow: Overflow) -> Panel:
    """A panel whose careers fit into the context: those that do not are an error, or truncated.

    Args:
        panel: The careers.
        encoder: Careers to tokens.
        context: Tokens that the base model reads.
        overflow: "error" or "truncate".

    Returns:
        The panel, shorter where careers were truncated.

    Raises:
        CapacityError: A career does not fit.
    """
    return (truncate if overflow == "truncate" else require_fit)(panel, encoder, context)


def require_fit(panel: Panel, encoder: CareerEncoder, context: int) -> Panel:
    """Check that every career fits into the context.

    Args:
        panel: The careers.
        encoder: Careers to tokens.
        context: Tokens that the base model reads.

    Returns:
        The panel unchanged.

    Raises:
        CapacityError: A career does not fit.
    """
    too_long = _too_long(panel, encoder, context)
    if too_long:
        careers, longest = (
            len({career.worker for career in too_long}),
            bound(max(len(career.tokens) for career in too_long)),
        )
        windows = encoder.template.last_records is not None
        hint = "lower --last-records" if windows else "--overflow truncate leaves out their oldest records"
        raise CapacityError(
            f"{careers} careers are longer than the {context} tokens the base model reads, the longest has up to "
            f"{longest}",
            hint=hint,
        )
    return panel


def truncate(panel: Panel, encoder: CareerEncoder, context: int) -> Panel:
    """Leave out the oldest records of careers that do not fit into the context.

    With `last_records` that would not truncate any window: a career that does not fit is an error.

    Args:
        panel: The careers.
        encoder: Careers to tokens.
        context: Tokens that the base model reads.

    Returns:
        The shorter panel.

    Raises:
        CapacityError: A window does not fit.
    """
    if encoder.template.last_records is not None:
        return require_fit(panel, encoder, context)
    while too_long := _too_long(panel, encoder, context):
        surplus = {career.worker: _surplus(career, _room(encoder, context)) for career in too_long}
        place = pl.int_range(pl.len()).over("worker")
        first = pl.col("worker").replace_strict(surplus, default=0, return_dtype=pl.Int64)
        panel = replace(panel, records=panel.records.filter(place >= first))
    return panel


def _too_long(panel: Panel, encoder: CareerEncoder, context: int) -> list[EncodedCareer]:
    room = _room(encoder, context)
    return [career for career in encoder.encode(render(panel, encoder.template)) if len(career.tokens) > room]


def _room(encoder: CareerEncoder, context: int) -> int:
    """Tokens that a career may have: after any of its prompts the longest title must fit too."""
    return context - max(map(len, encoder.title_tokens))


def _surplus(career: EncodedCareer, room: int) -> int:
    """How many of the oldest records to leave out, at least one, so that the career has about `room` tokens."""
    records = len(career.ends)
    if records == 1:
        raise CapacityError(
            f"a career of one record has {len(career.tokens)} tokens, the base model leaves room for {room}"
        )
    excess = len(career.tokens) - room
    short_of = takewhile(lambda end: end - career.ends[0] < excess, career.ends[1:])
    return min(records - 1, 1 + sum(1 for _ in short_of))

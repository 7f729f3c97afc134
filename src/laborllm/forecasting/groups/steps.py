"""Steps between occupations, the way advisers look for them: where people go from here, and who comes in from where.

A share is of the people in the occupation, `of_moves` of those who leave it. `people` are the workers whose forecasts
are behind a row: read a row of few with care.
"""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import InputError, OptionError, PanelError
from laborllm.forecasting.groups.mobility import Mobility
from laborllm.forecasting.groups.own_tables import codes_and_number
from laborllm.occupations.taxonomy import OTHERS
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL

COMMON = 0.01
"""The share of those who leave an occupation from which a step is common."""


def next_steps(found: Mobility, code: str, *, top: int = 10) -> pl.DataFrame:
    """Where people go from one occupation: those who stay first, then the most frequent moves, then all others.

    Args:
        found: Flows between occupations.
        code: The occupation.
        top: How many moves to list.

    Returns:
        Columns kind ("stay", "move", "other"), code, title, share (of all), of_moves (of those who leave) and people.

    Raises:
        TaxonomyError: The taxonomy has no such code.
        OptionError: A number of moves below zero.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> found = ll.mobility(ll.fit("transition", panel), panel)
        >>> ll.next_steps(found, panel.taxonomy.states[0], top=2)["kind"].to_list()
        ['stay', 'move', 'move', 'other']
    """
    at = found.column(code)
    return _listed(found, at, found.share[at], found.of_moves[at], top).with_columns(people=int(found.people[at]))


def feeders(found: Mobility, code: str, *, top: int = 10) -> pl.DataFrame:
    """Which occupations people come from who are in one: those who were in it already first, then the others.

    Args:
        found: Flows between occupations, of careers that have occupations as often as the population has.
        code: The occupation.
        top: How many occupations to list.

    Returns:
        Columns kind ("stay", "move", "other"), code, title, share (of all who are in the occupation next), of_moves (of
        those who come in), and people (whose forecasts the row is from; null for all others).

    Raises:
        TaxonomyError: The taxonomy has no such code.
        OptionError: A number of occupations below zero.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> found = ll.mobility(ll.fit("transition", panel), panel)
        >>> ll.feeders(found, panel.taxonomy.states[0], top=1)["kind"].to_list()
        ['stay', 'move', 'other']
    """
    at = found.column(code)
    inflow = found.flow[:, at]
    coming = np.where(np.arange(len(inflow)) == at, 0, inflow)
    shares, of_moves = (part / max(part.sum(), np.finfo(float).tiny) for part in (inflow, coming))
    people = pl.DataFrame({"code": found.taxonomy.codes, "people": found.people})
    return _listed(found, at, shares, of_moves, top).join(people, on="code", how="left", maintain_order="left")


def reachable(
    found: Mobility,
    code: str,
    *,
    moves: int = 2,
    least: float = COMMON,
    wages: pl.DataFrame | None = None,
    paying_no_less: bool = False,
) -> pl.DataFrame:
    """Occupations that people commonly reach from one, in one move or in two.

    Args:
        found: Flows between occupations.
        code: The occupation to start from.
        moves: One, or two.
        least: The share of those who leave an occupation from which a move out of it counts as common, 0 to 1.
        wages: Typical pay by code, as `typical_wages` gives it: columns code and wage.
        paying_no_less: Keep only occupations whose typical pay is known and no less than at the start.

    Returns:
        Columns code, title, moves (the fewest), share (of those who leave, along the most common way there), via (title
        in between; null for one move), and, with `wages`, wage and wage_ratio (to the start). States are left out. Few
        moves come first, then high shares.

    Raises:
        TaxonomyError: The taxonomy has no such code.
        OptionError: Neither one move nor two, no share, or pay is to be no less and no wages, or none at the start, are
            known.
        InputError: `wages` lacks a column, holds no numbers, or has two rows of one code.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=500)
        >>> found = ll.mobility(ll.fit("transition", panel), panel)
        >>> ll.reachable(found, panel.taxonomy.states[0], moves=1)["moves"].unique().to_list()
        [1]
    """
    if moves not in (1, 2):
        raise OptionError(f"occupations can be reached in 1 move or in 2, not in {moves}")
    if not 0 <= least <= 1:
        raise OptionError(f"a move is common from a share of those who leave on, 0 to 1, not {least:g}")
    at, of_moves = found.column(code), found.of_moves
    table = _ways(found, at, np.where(of_moves >= least, of_moves, 0), moves)
    states = pl.Series(found.taxonomy.states, dtype=pl.String).implode()
    kept = table.filter(pl.col("share") > 0, pl.col("code") != code, ~pl.col("code").is_in(states))
    known = None if wages is None else _known_wages(wages)
    paid = kept if known is None else _with_wages(kept, known, code)
    if paying_no_less:
        if known is None or code not in known["code"]:
            raise OptionError(f"pay can be no less only where the pay of occupation {code} is known")
        paid = paid.filter(pl.col("wage_ratio") >= 1)
    return paid.sort("moves", "share", descending=[False, True], maintain_order=True)


def _ways(found: Mobility, at: int, common: NDArray[np.float64], moves: int) -> pl.DataFrame:
    """The most common way from one occupation to each, in one move if there is one, by the shares of moves, (J, J)."""
    ways = common[at][:, None] * common  # (J, J): by way of each, to each
    via = ways.argmax(axis=0)
    twice = ways[via, np.arange(len(via))] if moves == 2 else np.zeros(len(via))
    once = common[at]
    columns = {
        "code": found.taxonomy.codes,
        "title": found.taxonomy.titles,
        "moves": np.where(once > 0, 1, 2),
        "share": np.where(once > 0, once, twice),
        "via": np.array(found.taxonomy.titles)[via],
    }
    return pl.DataFrame(columns).with_columns(via=pl.when(pl.col("moves") == 2).then("via"))


def typical_wages(panel: Panel, column: str = "wage") -> pl.DataFrame:
    """The median pay in each occupation, where enough workers have one.

    Args:
        panel: Careers with a column of pay, one of the user's own.
        column: Its name.

    Returns:
        Columns code, wage (the median over records) and workers; occupations of fewer than ten workers are left out.

    Raises:
        PanelError: The panel has no such column, or it holds no numbers.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=200)
        >>> paid = panel.with_records(panel.records.with_columns(wage=pl.lit(20.0)))
        >>> ll.typical_wages(paid)["wage"].unique().to_list()
        [20.0]
    """
    if column not in panel.columns:
        raise PanelError(f"the panel has no column {column!r} of pay: it has {', '.join(panel.columns) or 'none'}")
    pay = panel.records[column]
    if not pay.dtype.is_numeric():
        raise PanelError(f"pay is in numbers, and column {column!r} of the panel is of type {pay.dtype}")
    records = panel.records.with_columns(pl.col(column).cast(pl.Float64))
    paid = records.filter(pl.col("occupation").is_not_null(), pl.col(column) > 0, pl.col(column).is_finite())
    typical = paid.group_by("occupation").agg(
        pl.col(column).median().alias("wage"), pl.col("worker").n_unique().alias("workers")
    )
    return typical.filter(pl.col("workers") >= SMALLEST_CELL).rename({"occupation": "code"}).sort("code")


def require_listed(top: int) -> None:
    """Raise `OptionError` unless that many occupations can be listed."""
    if top < 0:
        raise OptionError(f"a table lists 0 occupations or more, not {top}")


def _known_wages(wages: pl.DataFrame) -> pl.DataFrame:
    """Columns code and wage, as text and a number, of the occupations whose pay is known."""
    known = codes_and_number(wages, "wages", ("code", "wage")).drop_nulls()
    twice = known["code"].filter(known["code"].is_duplicated())
    if len(twice):
        raise InputError(f"the table of wages has two rows of occupation {twice[0]}: one is right")
    return known


def _with_wages(table: pl.DataFrame, wages: pl.DataFrame, code: str) -> pl.DataFrame:
    start = wages.filter(pl.col("code") == code)["wage"]
    at_start = start[0] if len(start) else None
    joined = table.join(wages, on="code", how="left", maintain_order="left")
    return joined.with_columns((pl.col("wage") / pl.lit(at_start, pl.Float64)).alias("wage_ratio"))


def _listed(
    found: Mobility, at: int, share: NDArray[np.float64], of_moves: NDArray[np.float64], top: int
) -> pl.DataFrame:
    """The occupation itself, the `top` others by their share of moves, and all the rest."""
    require_listed(top)
    others = [column for column in np.argsort(-of_moves, kind="stable").tolist() if column != at][:top]
    shown = [at, *others]
    rows = {
        "kind": ["stay", *["move"] * len(others), "other"],
        "code": [*(found.taxonomy.codes[column] for column in shown), None],
        "title": [*(found.taxonomy.titles[column] for column in shown), OTHERS],
        "share": [*share[shown], max(0.0, share.sum() - share[shown].sum())],
        "of_moves": [None, *of_moves[others], max(0.0, of_moves.sum() - of_moves[others].sum())],
    }
    return pl.DataFrame(rows)

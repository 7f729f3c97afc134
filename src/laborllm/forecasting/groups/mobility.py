"""Mobility between occupations as a fitted model sees it: the flows that it expects from each occupation to each.

found = mobility(fitted, panel)
next_steps(found, "95")  # where registered nurses go (see `steps`)
feeders(found, "95")     # and where they come from
"""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import PanelError, TaxonomyError
from laborllm.models.contract import Fitted, Forecaster
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, Provenance, over
from laborllm.panel.history import History
from laborllm.panel.schema import YEARS
from laborllm.privacy import SMALLEST_CELL, round_counts

Floats = NDArray[np.float64]

LENGTH = 3  # records of a typical career
ROUNDS = 10_000  # of the power method
CLOSE = 1e-12


@dataclass(frozen=True)
class Mobility:
    """Expected flows between J occupations.

    Attributes:
        taxonomy: The occupations.
        flow: Expected workers who go from each occupation (row) to each (column) by their next record, (J, J).
        people: Workers whose forecasts are behind each row, (J,).
        source: Whose careers they are.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> found = ll.mobility(ll.fit("transition", panel), panel)
        >>> found.flow.shape == (len(panel.taxonomy),) * 2
        True
    """

    taxonomy: Taxonomy
    flow: Floats
    people: NDArray[np.int64]
    source: str

    def __repr__(self) -> str:
        """Sizes, and no number about people."""
        return f"Mobility(between {len(self.taxonomy)} occupations, of {self.source})"

    @property
    def share(self) -> Floats:
        """The distribution of the next occupation of people in each, (J, J); rows sum to one, or are zero where nobody
        is."""
        total = self.flow.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(self.flow, total, out=np.zeros_like(self.flow), where=total > 0))

    @property
    def of_moves(self) -> Floats:
        """The distribution of where those go who leave each occupation, (J, J), zero on the diagonal."""
        moves = self.flow * (1 - np.eye(len(self.flow)))
        total = moves.sum(axis=1, keepdims=True)
        return np.asarray(np.divide(moves, total, out=np.zeros_like(moves), where=total > 0))

    def column(self, code: str) -> int:
        """The column of an occupation.

        Args:
            code: Its code.

        Returns:
            The column, from 0 to J - 1.

        Raises:
            TaxonomyError: The taxonomy does not have the code.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50)
            >>> found = ll.mobility(ll.fit("transition", panel), panel)
            >>> found.column(panel.taxonomy.codes[3])
            3
        """
        if code not in self.taxonomy.position:
            raise TaxonomyError(f"taxonomy {self.taxonomy.name} has no occupation with code {code!r}")
        return self.taxonomy.position[code]

    def without_few(self) -> Self:
        """The flows out of occupations that at least ten people are in, whose numbers are rounded to fives.

        Returns:
            Flows that may be published.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50, taxonomy="nlswork")
            >>> found = ll.mobility(ll.fit("transition", panel), panel).without_few()
            >>> {int(people) for people in found.people if people < 10}
            {0}
        """
        enough = self.people >= SMALLEST_CELL
        flow = np.where(enough[:, None], self.flow, 0)
        people = round_counts(pl.DataFrame({"people": np.where(enough, self.people, 0)}), "people")["people"]
        return replace(self, flow=flow, people=people.to_numpy())

    def in_the_long_run(self) -> Self:
        """The flows in the stationary distribution, in which the shares of occupations no longer change.

        Found by the power method. Useful where the careers say nothing of how frequent occupations are.

        Returns:
            Flows with the same shares of moves.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=50, taxonomy="nlswork")
            >>> ll.mobility(ll.fit("transition", panel), panel).in_the_long_run().source
            'SYNTHETIC, in the long run'
        """
        share = self.share
        at_rest = np.full(len(share), 1 / len(share))
        for _ in range(ROUNDS):
            after = at_rest @ share
            if np.abs(after - at_rest).max() < CLOSE:
                break
            at_rest = after / after.sum()
        return replace(self, flow=at_rest[:, None] * share, source=f"{self.source}, in the long run")


def mobility(model: Forecaster, panel: Panel) -> Mobility:
    """The flows between occupations that a model expects of the careers of a panel.

    Args:
        model: Any fitted model.
        panel: The careers. If some of their records are open, those are forecast; else all that have one before them.

    Returns:
        The expected flows.

    Raises:
        PanelError: No record of the panel has one before it, or the taxonomy of the model cannot express them.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> round(float(ll.mobility(ll.fit("transition", panel), panel).share[0].sum()), 6)
        1.0
    """
    forecast = model.forecast(panel)
    history = History.of(over(panel, forecast.taxonomy))
    occupations = len(forecast.taxonomy)
    wanted = history.previous < occupations
    if panel.open_records:
        wanted &= history.occupation == occupations
    if not wanted.any():
        raise PanelError("no record of the panel has another before it: there is nothing to move from")
    flow = np.zeros((occupations, occupations))
    np.add.at(flow, history.previous[wanted], np.exp(forecast.log_prob[wanted].astype(np.float64)))
    return Mobility(forecast.taxonomy, flow, _people(panel, history.previous, wanted, occupations), panel.dataset)


def typical_careers(model: Fitted, *, year: int, length: int = LENGTH) -> Panel:
    """A career for each occupation: some years in it, an open record after them, and no covariate known.

    With these, `mobility` needs no data: it says what the model expects of people of whom only this is known.

    Args:
        model: A fitted model.
        year: The year of the open record.
        length: How many years each has been in the occupation.

    Returns:
        J careers, named by the code of the occupation.

    Raises:
        PanelError: A length below one, or a year that no record can be of.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50)
        >>> ll.typical_careers(ll.fit("transition", panel), year=2025).open_records == len(panel.taxonomy)
        True
    """
    if length < 1:
        raise PanelError(f"a typical career has at least one record before the open one, not {length}")
    if not YEARS[0] <= year - length < year <= YEARS[1]:
        raise PanelError(f"careers of {length} years before {year} leave the years of records, {YEARS[0]}-{YEARS[1]}")
    taxonomy = model.record.taxonomy
    careers = pl.DataFrame({"worker": taxonomy.codes, "occupation": taxonomy.codes}).join(
        pl.DataFrame({"year": range(year - length, year)}), how="cross"
    )
    records = careers.with_columns(split=pl.lit("test"))
    source = f"people with {length} years in one occupation, nothing else known"
    return Panel(records, taxonomy, source, Provenance(source)).open([year])


def _people(panel: Panel, previous: NDArray[np.intp], wanted: NDArray[np.bool_], occupations: int) -> NDArray[np.int64]:
    """How many workers each row of the flows is of, (J,)."""
    behind = pl.DataFrame({"worker": panel.records["worker"].filter(pl.Series(wanted)), "at": previous[wanted]})
    return np.bincount(behind.unique()["at"].to_numpy(), minlength=occupations).astype(np.int64)

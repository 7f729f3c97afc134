"""What a model says of an occupation as such: where people in it go, where they come from, what is like it.

It is asked about people of whom only three years in an occupation are known, so no data is needed but the model.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from laborllm.errors import RunError
from laborllm.forecasting.groups.mobility import Mobility, mobility, typical_careers
from laborllm.forecasting.groups.similar import similar_occupations
from laborllm.forecasting.groups.steps import feeders, next_steps, reachable
from laborllm.models.contract import Fitted
from laborllm.serve.answers import OF
from laborllm.serve.schema.occupations import Occupation, OccupationName, Reached, Step

TOP = 8
THIRDS = (1 / 3, 2 / 3)
STEADY = ("less than in most occupations", "about as often as in most occupations", "more than in most occupations")


@dataclass(frozen=True, eq=False)
class Outlook:
    """The occupations of a model, each with its steps.

    Attributes:
        fitted: The model.
        year: The year that steps lead to.
    """

    fitted: Fitted
    year: int

    def occupation(self, code: str, *, top: int = TOP) -> Occupation:
        """One occupation: who stays, next steps, feeders, similar occupations, and those within two moves.

        Args:
            code: The occupation.
            top: How many occupations each list has at most.

        Raises:
            TaxonomyError: The taxonomy has no such code.
        """
        taxonomy, at = self.flows.taxonomy, self.flows.column(code)
        out = [taxonomy.position[state] for state in taxonomy.states if state != code]
        return Occupation(
            code=code,
            title=taxonomy.titles[at],
            group=taxonomy.groups[at],
            stay_of_100=round(OF * float(self.flows.share[at, at])),
            out_of_work_of_100=round(OF * float(self.flows.share[at, out].sum())),
            steady=STEADY[int(np.searchsorted(self._thirds, self.flows.share[at, at]))],
            next=_steps(next_steps(self.flows, code, top=top)),
            feeders=_steps(feeders(self.flows, code, top=top)),
            similar=self.similar(code, top=top),
            reachable=self.reachable(code, top=top),
        )

    def similar(self, code: str, *, top: int = TOP) -> list[OccupationName]:
        """The occupations that are most similar by the model's own vectors; none where it has no vectors.

        Args:
            code: The occupation.
            top: How many at most, states left out.
        """
        try:
            found = similar_occupations(self.fitted, code, top=top + len(self.flows.taxonomy.states))
        except RunError:
            return []
        rows = found.filter(~_is_state(self.flows)).select("code", "title", "group").head(top).iter_rows()
        return [OccupationName(code=to, title=title, group=group) for to, title, group in rows]

    def reachable(self, code: str, *, top: int = TOP) -> list[Reached]:
        """Occupations that people commonly reach in one move or in two.

        Args:
            code: The occupation.
            top: How many of each at most, the most common ones.
        """
        states = [self.flows.taxonomy.title(state) for state in self.flows.taxonomy.states]
        by_job = ~pl.col("via").fill_null("").is_in(states)  # a spell without a job is no step on the way
        found = reachable(self.flows, code).filter(by_job).group_by("moves", maintain_order=True).head(top)
        return [
            Reached(code=to, title=title, moves=moves, via=via)
            for to, title, moves, via in found.select("code", "title", "moves", "via").iter_rows()
        ]

    @cached_property
    def flows(self) -> Mobility:
        """Expected flows between occupations, as frequent as they are in the long run."""
        return mobility(self.fitted, typical_careers(self.fitted, year=self.year)).in_the_long_run()

    @cached_property
    def _thirds(self) -> list[float]:
        """The shares of those who stay that part the occupations into thirds."""
        jobs = [at for at, code in enumerate(self.flows.taxonomy.codes) if code not in self.flows.taxonomy.states]
        found: list[float] = np.quantile(np.diag(self.flows.share)[jobs], THIRDS).tolist()
        return found


def _steps(found: pl.DataFrame) -> list[Step]:
    """The moves among the rows of steps of at least one person of a hundred who move."""
    moves = found.filter(pl.col("kind") == "move").with_columns(people=(OF * pl.col("of_moves")).round().cast(pl.Int64))
    named = moves.filter(pl.col("people") >= 1).select("code", "title", "people").iter_rows()
    return [Step(code=code, title=title, of_100=people) for code, title, people in named]


def _is_state(flows: Mobility) -> pl.Expr:
    return pl.col("code").is_in(pl.Series(flows.taxonomy.states, dtype=pl.String).implode())

"""The data-generating process (DGP) of synthetic careers: the probability of every next occupation.

A worker stays with probability s^g over g years, s from the occupation, the years spent in it and age; else moves:

    P(k) = s^g [k = j] + (1 - s^g) m(k)

where m is a nest: the odds of each state against all occupations together, and a softmax over the occupations other
than the present one j. A first record is a move from nowhere. A missing covariate has no effect, so the process is
defined on every panel over its taxonomy, its own or not.
"""

from collections.abc import Iterator
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.errors import SourceError
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import require_known_past
from laborllm.sources.synthetic.covariates import LEANINGS, covariates, effects, state_odds, tens_over_30
from laborllm.sources.synthetic.history import Columns, History, by_position
from laborllm.sources.synthetic.parameters import DgpParameters, StateOdds
from laborllm.sources.synthetic.titles import draw_leanings, similarity

Floats = NDArray[np.floating]

BATCH = 4096  # records whose distributions are computed at once
DGP = "dgp"  # the note of a panel's provenance that holds the parameters in JSON


class DataGeneratingProcess:
    """The distribution of every record that parameters and a taxonomy imply.

    Raises:
        SourceError: A taxonomy with fewer than two occupations: nobody could change job in it.
    """

    def __init__(self, taxonomy: Taxonomy, parameters: DgpParameters) -> None:
        self.taxonomy = taxonomy
        self.parameters = parameters
        self.is_state = np.isin(taxonomy.codes, taxonomy.states)
        self._none = len(taxonomy)  # in place of the column of an occupation that there is none of
        if (~self.is_state).sum() < 2:
            raise SourceError(f"taxonomy {taxonomy.name} has fewer than two occupations: nobody could change job in it")
        self._states = [parameters.states[state] for state in taxonomy.states]
        self._to_job = np.pad(similarity(taxonomy, parameters.same_group, parameters.same_words), ((0, 1), (0, 0)))
        leanings = draw_leanings(taxonomy, LEANINGS, parameters.names)
        self._to_worker = effects(leanings, parameters)
        by_itself = parameters.popularity * leanings["popularity"]
        self._by_itself = np.where(self.is_state, -np.inf, by_itself)  # the softmax is over occupations only
        self._stay, self._stay_by_age = _staying(self.is_state, self._states, parameters)

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """The process that a panel was drawn from.

        Args:
            panel: Synthetic careers, which keep their parameters.

        Returns:
            The process, over the taxonomy of the panel.

        Raises:
            SourceError: The panel is not one of synthetic careers.
        """
        if DGP not in panel.provenance.notes:
            raise SourceError(
                f"the data-generating process of {panel.dataset} is not known: it is not a panel of synthetic careers",
                hint="draw one with 'laborllm import synthetic'",
            )
        return cls(panel.taxonomy, DgpParameters.from_json(panel.provenance.notes[DGP]))

    def log_prob(self, panel: Panel) -> Floats:
        """Log-probability of every occupation for every record given those before it, (n, J) float32, nats."""
        out = np.empty((len(panel), len(self.taxonomy)), np.float32)
        for rows, probability in self._batches(panel):
            np.log(probability, out=out[rows])
        return out

    def log_likelihood(self, panel: Panel) -> Floats:
        """Log-probability of each observed occupation, (n,), nats, without ever holding an (n, J) array."""
        observed = self.taxonomy.columns(panel.records["occupation"])
        parts = [np.log(p[np.arange(len(p)), observed[rows]]) for rows, p in self._batches(panel)]
        return np.concatenate(parts).astype(np.float64)

    def entropy(self, panel: Panel) -> Floats:
        """Entropy of each record's distribution, (n,), nats: exp of their mean is a perplexity that no model beats but
        by luck."""
        return np.concatenate([-(p * np.log(p)).sum(axis=1) for _, p in self._batches(panel)]).astype(np.float64)

    def draw(self, people: pl.DataFrame, generator: np.random.Generator) -> Columns:
        """Draw the occupation of every record.

        Args:
            people: Records without occupation, as `draw_people` gives them, (n,) rows.
            generator: Draws.

        Returns:
            The column of each record's occupation, (n,).
        """
        occupations = np.full(people.height, self._none, np.intp)
        history = History.before(people, self._none)
        traits, age, odds = self._of_people(people)
        for position, rows in enumerate(by_position(people)):
            if position:
                history.extend(rows, occupations, self.is_state)
            stays = generator.random(len(rows)) < self._stay_chance(age[rows], history.at(rows))
            occupations[rows] = history.previous[rows]
            for moved in _split(rows[~stays]):
                chances = self._move_chances(traits[moved], odds[moved], history.at(moved))
                occupations[moved] = _drawn(chances, generator)
        return occupations

    def _batches(self, panel: Panel) -> Iterator[tuple[slice, Floats]]:
        """Rows of the panel, and the probability of every occupation for each of them."""
        if panel.taxonomy != self.taxonomy:
            raise SourceError(
                f"the process is over {self.taxonomy.name}, the panel over {panel.taxonomy.name} or other states"
            )
        require_known_past(panel)
        history = History.of(panel.records, self.taxonomy.columns(panel.records["occupation"]), self.is_state)
        traits, age, odds = self._of_people(panel.records)
        for start in range(0, len(panel), BATCH):
            rows = slice(start, start + BATCH)
            past = history.at(rows)
            stay = self._stay_chance(age[rows], past)
            probability = (1 - stay)[:, None] * self._move_chances(traits[rows], odds[rows], past)
            later = np.flatnonzero(past.previous != self._none)
            probability[later, past.previous[later]] = stay[later]
            yield rows, probability

    def _of_people(self, people: pl.DataFrame) -> tuple[Floats, Floats, Floats]:
        """Covariates (n, C), tens of years over 30 (n,) and the odds of each state (n, states)."""
        age = tens_over_30(people)
        odds = [state_odds(state, people, age, self.parameters) for state in self._states]
        stacked = np.column_stack(odds) if odds else np.empty((people.height, 0), np.float32)
        return covariates(people, age), age, stacked

    def _stay_chance(self, age: Floats, past: History) -> Floats:
        """Chance to have stayed in the occupation before over the whole gap, (n,); zero for a first record."""
        occupation = past.previous
        log_odds = self._stay[occupation] + self._stay_by_age[occupation] * age
        log_odds = log_odds + self.parameters.stay_tenure * np.log1p(past.tenure)
        stay = (1 + np.exp(-log_odds)) ** -past.gap.astype(float)
        return np.where(occupation == self._none, 0, stay).astype(np.float32)

    def _move_chances(self, traits: Floats, state_odds: Floats, past: History) -> Floats:
        """Where a mover goes, (n, J) float32: rows sum to one, and nobody moves to the occupation she is in."""
        weight = traits @ self._to_worker + self._by_itself + self._to_job[past.job]
        back = np.flatnonzero(past.former != self._none)
        weight[back, past.former[back]] += self.parameters.return_to_former
        jobless = np.flatnonzero((past.job != self._none) & (past.previous != past.job))
        weight[jobless, past.job[jobless]] += self.parameters.recall
        known = np.flatnonzero(past.previous != self._none)
        weight[known, past.previous[known]] = -np.inf
        chance = np.exp(weight - weight.max(axis=1, keepdims=True))
        odds = state_odds * (np.flatnonzero(self.is_state) != past.previous[:, None])
        chance /= (chance.sum(axis=1) * (1 + odds.sum(axis=1)))[:, None]
        chance[:, self.is_state] = odds / (1 + odds.sum(axis=1))[:, None]
        return np.asarray(chance)


def _staying(is_state: NDArray[np.bool_], states: list[StateOdds], parameters: DgpParameters) -> tuple[Floats, Floats]:
    """Log-odds of staying at age 30 in the first year, and what ten more years of age add, (J + 1,) each: the last of
    them are of no occupation, and mean nothing."""
    stay, by_age = np.full(len(is_state), parameters.stay), np.full(len(is_state), parameters.stay_by_age)
    stay[is_state] = [state.stay for state in states]
    by_age[is_state] = [state.stay_by_age for state in states]
    return np.append(stay, 0), np.append(by_age, 0)


def _split(rows: Columns) -> Iterator[Columns]:
    for start in range(0, len(rows), BATCH):
        yield rows[start : start + BATCH]


def _drawn(chances: Floats, generator: np.random.Generator) -> Columns:
    """One column per row of `chances`, (n,)."""
    heights = np.cumsum(chances, axis=1, dtype=np.float64)
    return np.asarray((heights <= (generator.random(len(heights)) * heights[:, -1])[:, None]).sum(axis=1))

"""Can one tell from a model who it was trained on? Attacks on a fitted model with people who were held out."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from laborllm.auditing.attacks import Bools, Numbers, calibrated, lira, lira_offline, lira_shared, logit, rmia
from laborllm.auditing.canaries import Canaries, plant_canaries
from laborllm.auditing.extraction import Extraction, extract
from laborllm.auditing.measures import Indices, Scored, measure
from laborllm.auditing.refits import Refits, refit
from laborllm.errors import PanelError
from laborllm.evaluation.draws import require_draws
from laborllm.models.contract import Fitted, Forecaster
from laborllm.models.registry import load, load_forecaster
from laborllm.models.taxonomies import lineage_of
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL

Score = tuple[str, Numbers]
ASKED_FOR = ("canaries", "extraction")  # parts of an audit that are there where they were asked for


@dataclass(frozen=True)
class Audit:
    """What attacks on a model came to.

    Attributes:
        model: Name of the model.
        dataset: Label of the panel.
        members: Workers that it may have been trained on: those of split train.
        others: Workers that it was not trained on: those of split test.
        refits: How many models of the recipe the attacker has fitted.
        table: A row per unit (person, record), attack and measure, with what guessing comes to, the estimate and its
            95 % interval.
        canaries: What the recipe remembered of invented careers, where some were planted.
        extraction: Whose careers the model completes, where it was asked to.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=200)
        >>> found = ll.audit(ll.fit("transition", panel), panel, draws=100)
        >>> found.others == panel.subset("test").workers
        True
    """

    model: str
    dataset: str
    members: int
    others: int
    refits: int
    table: pl.DataFrame
    canaries: Canaries | None = None
    extraction: Extraction | None = None

    def row(self, attack: str, measure: str, unit: str = "person") -> dict[str, Any]:
        """Look up one figure.

        Args:
            attack: Name of the attack, such as "loss".
            measure: Name of the measure, such as "auc".
            unit: "person" or "record".

        Returns:
            The row of `table` by column.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=200)
            >>> found = ll.audit(ll.fit("transition", panel), panel, draws=100)
            >>> found.row("loss", "auc")["chance"]
            0.5
        """
        return self.table.filter(unit=unit, attack=attack, measure=measure).row(0, named=True)

    def to_json(self) -> str:
        """All of it as JSON.

        Returns:
            The text.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=200)
            >>> found = ll.audit(ll.fit("transition", panel), panel, draws=100)
            >>> json.loads(found.to_json())["model"]
            'transition'
        """
        facts = {name: value for name, value in vars(self).items() if name not in ("table", *ASKED_FOR)}
        facts |= {"canaries": vars(self.canaries)} if self.canaries is not None else {}
        facts |= {"extraction": self.extraction.shown} if self.extraction is not None else {}
        return json.dumps(facts | {"attacks": self.table.to_dicts()}, indent=1)


def audit(
    model: str | Path | Fitted,
    panel: str | Path | Panel,
    *,
    reference: str | Path | Forecaster | None = None,
    refits: int = 0,
    cache: str | Path = "refits",
    canaries: int = 0,
    extraction: int = 0,
    draws: int = 1000,
    seed: int = 0,
) -> Audit:
    """Attack a fitted model: who of a panel was it trained on?

    Args:
        model: A fitted model, or its run folder.
        panel: The panel that it was fitted on, or the file that holds it: workers of split train are distinguished from
            those of split test. Where it was pooled, those of the panel whose test workers it has.
        reference: A model that was not trained on these people, such as one of another panel, or its run folder.
        refits: Models of the same recipe that the attacker fits on random halves of the people, an even number; 16 or
            more make a strong attack, none leaves out RMIA and LiRA.
        cache: Folder that keeps refits and what they said, so that none is made twice; the one of a study will do.
        canaries: Invented careers to plant in one more fit of the recipe, half of them trained on.
        extraction: People of either split whose careers the model is to complete from their first record.
        draws: Bootstrap draws of people.
        seed: Of halves, refits and draws.

    Returns:
        The attacks by unit: `loss` (a threshold on the likelihood), `calibrated` (by the reference), `rmia`
        (arXiv 2312.03262), `lira` and `lira_offline` (arXiv 2112.03570), and `lira_shared`, with one gain for all.

    Raises:
        PanelError: Fewer than ten workers in split train or split test.
        RunError: A model fitted on another split of the panel.
        OptionError: An odd number of refits, fewer than twenty canaries, or too few draws.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=200)
        >>> found = ll.audit(ll.fit("transition", panel), panel, refits=4)
        >>> found.row("loss", "auc")["chance"]
        0.5
    """
    require_draws(draws)
    panel = panel if isinstance(panel, Panel) else Panel.load(Path(panel))
    fitted = load(Path(model)) if isinstance(model, str | Path) else model
    lineage_of(fitted).require_held_out_by(panel)
    known = load_forecaster(Path(reference)) if isinstance(reference, str | Path) else reference
    units = _Units.of(panel)
    observed = panel.observed()
    said = fitted.log_likelihood(observed).astype(np.float64)
    by_reference = None if known is None else known.log_likelihood(observed).astype(np.float64)
    shadows = refit(fitted.spec, panel, refits, seed=seed, cache=Path(cache)) if refits else None
    tables = [
        measure(Scored(score, *units.sides(unit)), draws=draws, seed=seed).select(
            pl.lit(unit).alias("unit"), pl.lit(name).alias("attack"), pl.all()
        )
        for unit in ("person", "record")
        for name, score in _attacks(unit, units, said, by_reference, shadows)
    ]
    return Audit(
        model=fitted.spec.name,
        dataset=panel.dataset,
        members=int(units.sides("person")[0].sum()),
        others=int((~units.sides("person")[0]).sum()),
        refits=refits,
        table=pl.concat(tables),
        canaries=plant_canaries(fitted.spec, panel, canaries, seed=seed) if canaries else None,
        extraction=extract(fitted, panel, people=extraction, seed=seed) if extraction else None,
    )


@dataclass(frozen=True)
class _Units:
    """The records and the people of a panel.

    Attributes:
        worker: Of each record as numbers 0, 1, ..., (n,).
        split: Of each worker, (W,).
        comparable: Whether a worker is of a panel that has test workers, (W,).
    """

    worker: Indices
    split: NDArray[np.object_]
    comparable: Bools

    @classmethod
    def of(cls, panel: Panel) -> "_Units":
        people = (
            panel.observed()
            .records.group_by("worker", maintain_order=True)
            .agg(pl.len(), pl.col("split").first(), pl.col("dataset").first())
        )
        tested = people.filter(pl.col("split") == "test")["dataset"].unique()
        comparable = people["dataset"].is_in(tested.implode(), nulls_equal=True).to_numpy()
        units = cls(np.repeat(np.arange(people.height), people["len"]), people["split"].to_numpy(), comparable)
        for name, count in zip(("train", "test"), np.bincount(~units.sides("person")[0], minlength=2), strict=True):
            if count < SMALLEST_CELL:
                raise PanelError(f"split {name} has fewer than {SMALLEST_CELL} workers, which an audit takes")
        return units

    def asked(self, unit: str) -> Bools:
        """Which units are members or surely none, (n,) or (W,)."""
        return self._of(unit, self.comparable & (self.split != "valid"))

    def population(self, unit: str) -> Bools:
        """Which units are of people who were not trained on and are not asked about, (n,) or (W,)."""
        return self._of(unit, self.split == "valid")

    def sides(self, unit: str) -> tuple[Bools, Indices]:
        """Who of those asked about is a member, and whose unit it is."""
        asked = self.asked(unit)
        person = np.arange(len(self.split)) if unit == "person" else self.worker
        return self._of(unit, self.split == "train")[asked], np.unique(person[asked], return_inverse=True)[1]

    @property
    def first(self) -> Indices:
        """The first record of each worker, (W,)."""
        return np.flatnonzero(np.diff(self.worker, prepend=-1))

    def mean(self, values: Numbers) -> Numbers:
        """The mean over each person's records, (..., n) to (..., W)."""
        return np.asarray(np.add.reduceat(values, self.first, axis=-1) / np.bincount(self.worker))

    def normal(self, unit: str, values: Numbers) -> Numbers:
        """Log-likelihoods of units, (..., n) or (..., W), on a scale where all have about one variance: means over
        careers times the root of their length, log-odds of records."""
        return values * np.sqrt(np.bincount(self.worker)) if unit == "person" else logit(values)

    def _of(self, unit: str, people: Bools) -> Bools:
        return people if unit == "person" else people[self.worker]


def _attacks(
    unit: str, units: _Units, said: Numbers, reference: Numbers | None, refits: Refits | None
) -> Iterator[Score]:
    """Each attack and its scores of the units that are asked about."""
    of_unit = units.mean if unit == "person" else np.asarray
    asked = units.asked(unit)
    x = of_unit(said)
    yield "loss", x[asked]
    if reference is not None:
        yield "calibrated", calibrated(x, of_unit(reference))[asked]
    if refits is not None:
        shadows = of_unit(refits.log_likelihood.astype(np.float64))
        trained = refits.trained if unit == "record" else refits.trained[:, units.first]
        yield "rmia", rmia(x, shadows, units.population(unit))[asked]
        x, shadows = units.normal(unit, x), units.normal(unit, shadows)
        for name, attack in (("lira", lira), ("lira_shared", lira_shared), ("lira_offline", lira_offline)):
            yield name, attack(x[asked], shadows[:, asked], trained[:, asked])

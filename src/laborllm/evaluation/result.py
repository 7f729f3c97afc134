"""What an evaluation found, as tidy tables."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

import polars as pl


@dataclass(frozen=True)
class Evaluation:
    """Tidy tables with one row per estimate; what is withheld is null, and the note says why.

    Attributes:
        estimates: model, metric, group, level, records, workers, estimate, standard_error, low, high (of the 95 %
            interval), note.
        comparisons: model, reference, metric, comparison ("difference": model minus reference, or "ratio"), group,
            level, and the same numbers, on the same draws for both models.
        reliability: model, event, predicted, records, workers, estimate (the share in which the event happened), and
            its uncertainty: the bins of CORP curves.
        flows: model, origin, destination, workers, observed, expected, top_1, between groups of occupations.
        reference: The model that others are compared with where no pairs were asked for.
        draws: Of the bootstrap.
        seed: Of the draws.
        weights: "none", "sampling" or the column of the weights.
        cluster: The column whose values were drawn together.
        strata: The column within which they were drawn; None for none.
        open_records: How many records were left out because their occupation is not known yet; 0 where they are of few.
        about: A line on each model, such as how it was trained.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=200)
        >>> ll.evaluate({"counts": ll.fit("transition", panel)}, panel, draws=100).ranking
        ('counts',)
    """

    estimates: pl.DataFrame
    comparisons: pl.DataFrame
    reliability: pl.DataFrame
    flows: pl.DataFrame
    reference: str
    draws: int
    seed: int
    weights: str = "none"
    cluster: str = "worker"
    strata: str | None = None
    open_records: int = 0
    about: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        """The models and how many records and draws there were, in one line; the tables are attributes."""
        shown = self.estimates.filter(group="all")["records"].drop_nulls().to_list()
        records = f"{max(shown):,} records" if shown else "few records"
        return f"Evaluation of {', '.join(self.models)} on {records}, {self.draws:,} draws"

    @property
    def models(self) -> tuple[str, ...]:
        """The models in the order they were given."""
        return tuple(self.estimates["model"].unique(maintain_order=True))

    @property
    def ranking(self) -> tuple[str, ...]:
        """The models by perplexity over all records, lowest first; models with only raw perplexity come last."""
        measured = {model: self.row(model, self.measure_of(model))["estimate"] for model in self.models}
        unknown = [model for model, value in measured.items() if value is None]

        def place(model: str) -> tuple[bool, bool, float]:
            value = measured[model]
            return self.measure_of(model) == "raw_perplexity", model in unknown, math.inf if value is None else value

        return tuple(sorted(self.models, key=place))

    def measure_of(self, model: str) -> str:
        """The metric that a model is ranked by.

        Args:
            model: Name of the model.

        Returns:
            "perplexity" where it has one, else "raw_perplexity".

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=200)
            >>> ll.evaluate({"counts": ll.fit("transition", panel)}, panel, draws=100).measure_of("counts")
            'perplexity'
        """
        return "perplexity" if self.estimates.filter(model=model, metric="perplexity").height else "raw_perplexity"

    def row(self, model: str, metric: str, group: str = "all", level: str = "all") -> dict[str, float | None]:
        """Look up one estimate.

        Args:
            model: Name of the model.
            metric: Name of the metric, such as "perplexity".
            group: Name of the group; default: all records.
            level: Level of the group.

        Returns:
            The row of `estimates` by column; every number missing where there is no such row.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=200)
            >>> found = ll.evaluate({"counts": ll.fit("transition", panel)}, panel, draws=100)
            >>> found.row("counts", "perplexity")["workers"] == panel.subset("test").workers
            True
        """
        return _row(self.estimates, model=model, metric=metric, group=group, level=level)

    def compared(
        self,
        model: str,
        reference: str,
        metric: str = "perplexity",
        comparison: str = "ratio",
        group: str = "all",
        level: str = "all",
    ) -> dict[str, float | None]:
        """Look up one comparison of two models.

        Args:
            model: Name of the model.
            reference: Name of the model that it is compared with.
            metric: Name of the metric.
            comparison: "difference", model minus reference, or "ratio".
            group: Name of the group; default: all records.
            level: Level of the group.

        Returns:
            The row of `comparisons` by column; every number missing where there is no such row.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=200)
            >>> fitted = {name: ll.fit("transition", panel, variant=name) for name in ("plain", "two-part")}
            >>> found = ll.evaluate(fitted, panel, draws=100)
            >>> found.compared("two-part", "plain")["estimate"] < 1
            True
        """
        keys = {"metric": metric, "comparison": comparison, "group": group, "level": level}
        return _row(self.comparisons, model=model, reference=reference, **keys)

    def to_json(self) -> str:
        """Every table as a list of rows, in JSON. Infinite numbers become null; their note says so.

        Returns:
            The text.

        Examples:
            >>> import laborllm as ll
            >>> panel = ll.import_synthetic(workers=200)
            >>> found = ll.evaluate({"counts": ll.fit("transition", panel)}, panel, draws=100)
            >>> json.loads(found.to_json())["reference"]
            'counts'
        """
        stored = {each.name: _plain(getattr(self, each.name)) for each in fields(self)}
        return json.dumps(stored, indent=1, allow_nan=False)


def _row(frame: pl.DataFrame, **keys: str) -> dict[str, float | None]:
    found = frame.filter(**keys)
    return found.row(0, named=True) if found.height else dict.fromkeys(frame.columns)


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if not isinstance(value, pl.DataFrame):
        return value
    return [{name: _finite(cell) for name, cell in row.items()} for row in value.to_dicts()]


def _finite(cell: object) -> object:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell

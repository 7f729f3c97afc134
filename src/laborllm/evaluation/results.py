"""What an evaluation found, as tidy tables."""

import json
import math
from dataclasses import dataclass, fields

import polars as pl


@dataclass(frozen=True)
class Evaluation:
    """Tables with one row per estimate. Intervals are 95 %, from draws of workers; withheld numbers are null.

    reference: the model that `differences` compares with. about: a line on each model, such as how it was trained.
    sample: kind, records, workers.
    perplexity: model, measure (normalised, raw), kind (all, first, stay, move), records, workers, estimate, ...
    differences: model, reference, measure, comparison (difference, ratio), kind, estimate, ...
    validity: model, kind, raw_mass, greedy_valid, within (the factor within which the perplexity is exact).
    accuracy: model, top (1, 5), kind, ...   auc: model, outcome, positives, ...
    calibration: model, event, bin, predicted, ..., estimate (the share observed), ...
    Every estimate comes with standard_error, low, high and a note that says why a number is missing.
    open_records: how many records without an occupation were skipped.
    """

    reference: str
    draws: int
    seed: int
    about: dict[str, str]
    sample: pl.DataFrame
    perplexity: pl.DataFrame
    differences: pl.DataFrame
    validity: pl.DataFrame
    accuracy: pl.DataFrame
    auc: pl.DataFrame
    calibration: pl.DataFrame
    open_records: int = 0

    @property
    def ranking(self) -> tuple[str, ...]:
        """The models by perplexity over all records, lowest first; models with raw perplexity alone come last."""
        overall = self.perplexity.filter(pl.col("kind") == "all")
        order = overall.sort("measure", "estimate", nulls_last=True, maintain_order=True)  # normalised sorts before raw
        return tuple(order["model"].unique(maintain_order=True))

    def measure_of(self, model: str) -> str:
        """The measure a model is ranked by: normalised where it has it, else raw."""
        measures = self.perplexity.filter(pl.col("model") == model)["measure"]
        return "normalised" if "normalised" in measures else "raw"

    def to_json(self) -> str:
        """Every table as a list of rows. Infinite numbers become null; their note says so."""
        stored = {field.name: _plain(getattr(self, field.name)) for field in fields(self)}
        return json.dumps(stored, indent=1, allow_nan=False)


def _plain(value: object) -> object:
    if not isinstance(value, pl.DataFrame):
        return value
    return [{name: _finite(cell) for name, cell in row.items()} for row in value.to_dicts()]


def _finite(cell: object) -> object:
    return None if isinstance(cell, float) and not math.isfinite(cell) else cell

"""What the verbs that forecast say of values that a model cannot know."""

import sys
from collections.abc import Mapping

import polars as pl

from laborllm.models.contract import Fitted
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.runs.seen import Seen, known_words, unknown_values
from laborllm.panel.files.store import Careers
from laborllm.privacy import SMALLEST_CELL, round_counts

SHOWN, LETTERS = 3, 30


def report_unknown(models: Mapping[str, Fitted | SavedForecast], careers: Careers) -> None:
    """Say in a line for each model about how many records have a value that it never saw, by covariate."""
    for name, model in models.items():
        if isinstance(model, SavedForecast):
            continue
        seen = model.record.seen
        of_each = unknown_values(seen, careers).partition_by("covariate", maintain_order=True)
        if of_each:
            said = "; ".join(_phrase(values, len(careers), seen) for values in of_each)
            print(f"{name}: {said}", file=sys.stderr)


def _phrase(values: pl.DataFrame, records: int, seen: Seen) -> str:
    """About how many records have one of the unknown values of a covariate, and which words the model knows; a value is
    named where enough workers have it."""
    named = values.filter(pl.col("workers") >= SMALLEST_CELL)["value"].head(SHOWN).str.head(LETTERS).to_list()
    quoted = [f'"{value}"' for value in named] + (["..."] if len(named) < len(values) else [])
    which = f" ({', '.join(quoted)})" if named else ""
    shown = round_counts(values.select(pl.col("records").sum()), "records").item()
    share = f"{'about ' + format(shown, ',') if named else 'a few'} of {records:,} records"
    known = ", ".join(known_words(seen, values["covariate"][0]))
    knows = f", it knows: {known}" if known else ""
    return f"{values['covariate'][0]}: {share} have a value the model never saw{which}{knows}"

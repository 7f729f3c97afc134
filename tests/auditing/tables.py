"""Findings of an audit, made up."""

import polars as pl

MEASURES = {
    "auc": 0.5,
    "tpr_at_1_percent": 0.01,
    "tpr_at_0.1_percent": 0.001,
    "members_among_1_percent": 0.7778,
}
FOUND = {"tpr_at_1_percent": 0.04, "tpr_at_0.1_percent": 0.005, "members_among_1_percent": 0.9}


def table_of(areas: dict[str, float], low: float) -> pl.DataFrame:
    """A table of attacks with these areas; intervals of areas go from `low` to 0.95."""
    rows = [
        (unit, attack, measure, chance, FOUND.get(measure, area), low, 0.95)
        for unit in ("person", "record")
        for attack, area in areas.items()
        for measure, chance in MEASURES.items()
    ]
    names = ["unit", "attack", "measure", "chance", "estimate", "low", "high"]
    return pl.DataFrame(rows, schema=names, orient="row")

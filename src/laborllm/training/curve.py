"""The learning curve: what training had seen and reached at each look at the validation split."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

FLOATS = ("seconds", "train_loss", "valid_perplexity")


@dataclass(frozen=True)
class CurvePoint:
    """Careers and tokens trained on, seconds of training (validation left out), mean training loss in nats per unit of
    weight since the last point, and validation perplexity of the observed occupations."""

    careers: int
    tokens: int
    seconds: float
    train_loss: float
    valid_perplexity: float


def best_point(curve: Sequence[CurvePoint]) -> CurvePoint:
    """The first point of the lowest validation perplexity: that of the weights that are kept."""
    return min(curve, key=lambda point: point.valid_perplexity)


def write_curve(path: Path, curve: Sequence[CurvePoint]) -> None:
    """One line per point, as CSV."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(CurvePoint))
        writer.writerows(astuple(point) for point in curve)


def read_curve(path: Path) -> list[CurvePoint]:
    """The curve that `write_curve` wrote."""
    with path.open(newline="") as file:
        return [
            CurvePoint(int(row["careers"]), int(row["tokens"]), *(float(row[name]) for name in FLOATS))
            for row in csv.DictReader(file)
        ]

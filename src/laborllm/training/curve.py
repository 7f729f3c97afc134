"""The learning curve: one point for each validation step of a training."""

import csv
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

FLOATS = ("seconds", "train_loss", "valid_perplexity")


@dataclass(frozen=True)
class CurvePoint:
    """A validation step.

    Attributes:
        careers: Careers trained on so far.
        tokens: Tokens trained on so far; records for a model over codes.
        seconds: Seconds of training so far, validation left out.
        train_loss: Mean training loss in nats per unit of weight since the last point.
        valid_perplexity: Perplexity of the observed occupations of the validation split.
    """

    careers: int
    tokens: int
    seconds: float
    train_loss: float
    valid_perplexity: float


def best_point(curve: Sequence[CurvePoint]) -> CurvePoint:
    """The first point of the lowest validation perplexity, whose weights training leaves in the model."""
    return min(curve, key=lambda point: point.valid_perplexity)


def write_curve(path: Path, curve: Sequence[CurvePoint]) -> None:
    """Write a curve as CSV, one line per point."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(field.name for field in fields(CurvePoint))
        writer.writerows(astuple(point) for point in curve)


def read_curve(path: Path) -> list[CurvePoint]:
    """Read a curve that `write_curve` wrote."""
    with path.open(newline="") as file:
        return [
            CurvePoint(int(row["careers"]), int(row["tokens"]), *(float(row[name]) for name in FLOATS))
            for row in csv.DictReader(file)
        ]

"""Options that several verbs share, and how their values are read."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import cyclopts
from cyclopts import Parameter, Token

from laborllm.lm.scoring_options import Method

SMOLLM2 = "smollm2-135m"

PanelFile = Annotated[Path, Parameter(help="Panel file, as `laborllm import` writes it.")]
PanelOut = Annotated[Path, Parameter(help="Panel file to write.")]
RunFolder = Annotated[Path, Parameter(help="Run folder, as `laborllm fit` writes it.")]
RunOut = Annotated[Path, Parameter(help="Run folder to write; it must not exist.")]
Base = Annotated[str, Parameter(help="Base model: a name that `laborllm models` lists, or a folder.")]
Titles = Annotated[Literal["literal", "numeric"], Parameter(help="English titles, or codes without meaning (job_144).")]
Vocabulary = Annotated[
    Literal["whole", "closed"],
    Parameter(help="Predict over all tokens of the base model, or over those of the titles and the careers alone."),
]
Seed = Annotated[int, Parameter(help="Seed of everything random.")]
SplitSeed = Annotated[int, Parameter(help="Seed of the split into train, valid and test.")]
Scoring = Annotated[
    Method,
    Parameter(
        help="How language models read titles: `tree`, one pass per career and a tree of titles; `pruned`, the same "
        "without improbable branches and with a bound on the error; `naive`, one pass per title."
    ),
]
Tolerance = Annotated[
    float, Parameter(help="How far a forecast of `--scoring pruned` may be from the exact one, in total variation.")
]
Memory = Annotated[float, Parameter(help="Gigabytes that branches of titles may take beyond the weights.")]
AsJson = Annotated[bool, Parameter(help="Print JSON for a script.")]


def convert(wanted: Any, tokens: Sequence[Token]) -> Any:
    """Read a value as cyclopts does, but refuse to round: `--count 1.5` is an error, not 2."""
    for token in tokens:
        if wanted is int and not re.fullmatch(r"[+-]?\d+", token.value):
            raise ValueError(f"{token.value!r} is not a whole number")
    return cyclopts.convert(wanted, tokens)

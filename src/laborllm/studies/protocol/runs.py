"""The runs of a study: a fit of a spec on a version of a panel with a seed, and what it says of another version."""

from dataclasses import dataclass
from typing import Literal

from laborllm.models.contract import Spec
from laborllm.studies.protocol.versions import Version


@dataclass(frozen=True)
class Fit:
    """One fit.

    Attributes:
        name: Of the model, in tables and in the names of files.
        spec: What is fitted; which runs it mixes, or starts from, is said by `members`.
        on: The version of the panel that it is fitted on.
        seed: Decides everything random.
        members: The fits that a mixture mixes, or the one whose forecasts a title head starts at.
    """

    name: str
    spec: Spec
    on: Version
    seed: int = 0
    members: tuple["Fit", ...] = ()


@dataclass(frozen=True)
class Scores:
    """What a fitted model says of the records of one split, or of all.

    Attributes:
        fit: The model.
        of: The version of the panel that is forecast.
        split: Whose records.
        whole: Whether the distributions are kept, or only the log-probability of what was observed.
    """

    fit: Fit
    of: Version
    split: Literal["valid", "test", "all"] = "test"
    whole: bool = True


Job = Fit | Scores


def in_order(asked: list[Scores]) -> list[list[Job]]:
    """Every fit and every scoring that is asked for, once: in stages, each of which needs only those before it."""
    scores = list(dict.fromkeys(asked))
    fits = dict.fromkeys(score.fit for score in scores)
    members = dict.fromkeys(member for fit in fits for member in fit.members)
    combined = [fit for fit in fits if fit.members]
    single = [fit for fit in {**members, **fits} if not fit.members]
    return [list[Job](stage) for stage in (single, combined, scores) if stage]

"""How dated jobs with free-text titles are read: the options of resumes, which lists of people share."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from laborllm.errors import OptionError
from laborllm.occupations.coding.coder import THRESHOLD
from laborllm.sources.resumes.dates import DateOrder


@dataclass(frozen=True)
class JobOptions:
    """How the dates and the titles of jobs are read.

    Attributes:
        as_of: Year, month or day on which the jobs were listed: one without an end continues to it, and nothing after
            it is taken; default: the date of the file, or of the newest in a folder.
        open_ends: Texts that mean that a job has no end yet, in addition to `present` and the like.
        date_order: What comes first in 03/04/2014; default: such a date is not read.
        threshold: Leave out titles whose code is less sure than this, from 0 to 1.
        corrections: CSV file with the columns title and code: these titles have these codes, whatever else is known.
        encoding: Of text that is not UTF-8, such as windows-1250; default: UTF-16 or Windows-1252, as is found.
    """

    as_of: str | None = None
    open_ends: tuple[str, ...] = ()
    date_order: DateOrder | None = None
    threshold: float = THRESHOLD
    corrections: Path | None = None
    encoding: str | None = None

    def __post_init__(self) -> None:
        if self.as_of is not None:
            object.__setattr__(self, "as_of", str(self.as_of))  # a year, or a day, may be given as such
        if self.corrections is not None:
            object.__setattr__(self, "corrections", Path(self.corrections))
        orders = get_args(DateOrder)
        if self.date_order not in (None, *orders):
            raise OptionError(f"unknown order of dates {self.date_order!r}: use {' or '.join(orders)}")
        if isinstance(self.open_ends, str):
            raise OptionError(f"open_ends is a tuple of texts, not the text {self.open_ends!r}")


@dataclass(frozen=True)
class ResumeOptions(JobOptions):
    """How resumes become a panel; what is not described here is described in `JobOptions`.

    Attributes:
        states: States to add to the taxonomy, occ1990dd, so that panels which have them can be pooled with this one.
        dataset: What career texts call the data.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> import laborllm as ll
        >>> ll.ResumeOptions(as_of="2024-06", open_ends=("01/01/1900",)).threshold
        0.5
    """

    states: tuple[str, ...] = ()
    dataset: str = "RESUMES"

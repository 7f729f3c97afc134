"""How people are read who come as a list of jobs or as resumes."""

from dataclasses import dataclass

from laborllm.errors import OptionError
from laborllm.sources.resumes.options import JobOptions


@dataclass(frozen=True)
class PeopleOptions(JobOptions):
    """How people are read who come as a list of jobs or as resumes; what is not described here is in `JobOptions`.

    Attributes:
        out_of_work_since: Year in which all of these people lost their jobs, so that they are unemployed from then on;
            default: what the column of this name says of each, if there is one.

    Raises:
        OptionError: A value that is out of its range.

    Examples:
        >>> import laborllm as ll
        >>> ll.PeopleOptions(as_of="2025-06", out_of_work_since=2025).date_order is None
        True
    """

    out_of_work_since: int | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.out_of_work_since is not None and not isinstance(self.out_of_work_since, int):
            raise OptionError(f"out_of_work_since is a year, such as 2025, not {self.out_of_work_since!r}")


def require_no_state(options: PeopleOptions) -> None:
    """Raise `OptionError` if those who come as a panel, which is taken as it is, are said to be out of work."""
    if options.out_of_work_since is not None:
        raise OptionError("a panel says itself who is out of work: out_of_work_since is of a list or of resumes")

"""How people are read who come as a list of jobs or as resumes."""

from dataclasses import dataclass

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

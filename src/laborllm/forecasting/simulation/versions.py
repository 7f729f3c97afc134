"""Other versions of the same careers, for a what-if: what the record would say if it said something else."""

import polars as pl

from laborllm.errors import OptionError, PanelError, TaxonomyError
from laborllm.panel import Panel
from laborllm.sources.spellings import as_panel_word

OUT_OF_WORK = ("unemployed", "not_working")


def if_records_said(
    panel: Panel,
    *,
    education: str | None = None,
    region: str | None = None,
    last_occupation: str | None = None,
    out_of_work: bool = False,
) -> Panel:
    """The careers with another record: what they say in the last observed year, and from then on.

    Args:
        panel: Careers with open records.
        education: The education of the last observed record and of all after it. A common spelling of a word of the
            panels is that word, as on import: "bachelor's degree" is "college".
        region: The region of all records, so too: models read the first.
        last_occupation: Code of the occupation of the last observed record.
        out_of_work: The last observed record is a year without work.

    Returns:
        The same workers and years.

    Raises:
        OptionError: Nothing is said otherwise, or two things of the last occupation.
        TaxonomyError: The taxonomy has no such code.
        PanelError: The taxonomy has no state that is a year without work, or the careers say all of that already.

    Examples:
        >>> import laborllm as ll
        >>> panel = ll.import_synthetic(workers=50).open(years=[2025])
        >>> ll.if_records_said(panel, last_occupation="95").records["occupation"][-2]
        '95'
    """
    code = _last_code(panel, last_occupation, out_of_work=out_of_work)
    if education is None and region is None and code is None:
        raise OptionError("a what-if needs another record: education, region, last occupation, or a year out of work")
    observed = pl.col("occupation").is_not_null()
    last = observed & (pl.col("year") == pl.col("year").filter(observed).max().over("worker"))
    changes = []
    if education is not None:
        level = as_panel_word("education", education)
        changes.append(pl.when(last | ~observed).then(pl.lit(level)).otherwise("education").alias("education"))
    if region is not None:
        changes.append(pl.lit(as_panel_word("region", region)).alias("region"))
    if code is not None:
        changes.append(pl.when(last).then(pl.lit(code)).otherwise("occupation").alias("occupation"))
    records = panel.records.with_columns(changes)
    if records.equals(panel.records):
        raise PanelError("the careers say all of that already: the what-if changes nothing")
    return panel.with_records(records)


def _last_code(panel: Panel, last_occupation: str | None, *, out_of_work: bool) -> str | None:
    """The code of the last year, if it is to be another one."""
    if last_occupation is not None and out_of_work:
        raise OptionError("a last year in an occupation and one without work are two what-ifs: ask one at a time")
    code = _out_of_work(panel) if out_of_work else last_occupation
    if code is not None and code not in panel.taxonomy.position:
        raise TaxonomyError(f"taxonomy {panel.taxonomy.name} has no occupation with code {code!r}")
    return code


def _out_of_work(panel: Panel) -> str:
    """The state that is a year without work."""
    states = [state for state in OUT_OF_WORK if state in panel.taxonomy.position]
    if not states:
        raise PanelError(f"taxonomy {panel.taxonomy.name} has no state for a year without work")
    return states[0]

"""An audit in words: a table for the terminal, a section for the model card, and a page."""

from pathlib import Path

from laborllm.auditing.canaries import Canaries
from laborllm.auditing.extraction import Extraction
from laborllm.auditing.membership import Audit
from laborllm.privacy.markdown import in_markdown
from laborllm.privacy.outputs import new_output
from laborllm.report.numbers import interval, number, share
from laborllm.report.page import KeyNumber, Page, Section, render_page
from laborllm.report.pages.outputs import output_of_table
from laborllm.report.table import Table

ATTACKS = {
    "loss": "likelihood",
    "calibrated": "likelihood over a reference's",
    "rmia": "RMIA",
    "lira": "LiRA",
    "lira_shared": "LiRA, one gain for all",
    "lira_offline": "LiRA, offline",
}
SHOWN = ("tpr_at_1_percent", "tpr_at_0.1_percent", "members_among_1_percent")
UNITS = {"person": "whole careers", "record": "single records"}


def headline(audit: Audit) -> str:
    """One sentence: the strongest attack on whole careers, and how far it gets."""
    people = audit.table.filter(unit="person", measure="auc").sort("estimate", descending=True)
    best = people.row(0, named=True)
    found = audit.row(best["attack"], "tpr_at_1_percent")
    verdict = "cannot be distinguished from guessing" if best["low"] <= 0.5 else "does better than guessing"
    return (
        f"The best of {people.height} attacks ({ATTACKS[best['attack']]}) {verdict}: of two people, one of them "
        f"trained on, it picks the right one with a chance of {number(best['estimate'], near_one=True)}, and it finds "
        f"{share(found['estimate'])} of those trained on while it accuses 1 % of the others."
    )


def audit_tables(audit: Audit) -> list[Table]:
    """A table of attacks for each unit."""
    return [_table(audit, unit) for unit in UNITS]


def as_markdown(audit: Audit) -> str:
    """The section of a model card."""
    return "\n\n".join([headline(audit), *map(_markdown, audit_tables(audit)), in_markdown(_setting(audit))])


def as_text(audit: Audit) -> str:
    """The audit for the terminal."""
    return "\n\n".join([headline(audit), *map(_plain, audit_tables(audit)), _setting(audit)])


def write_audit(path: Path, audit: Audit) -> None:
    """Write the page of an audit. Raises `StorageError` if it cannot be written."""
    best = audit.table.filter(unit="person", measure="auc").sort("estimate", descending=True).row(0, named=True)
    page = Page(
        title=f"Audit of a model {audit.model}, {audit.dataset}",
        headline=headline(audit),
        key_numbers=[
            KeyNumber(
                number(best["estimate"], near_one=True),
                "area under the curve of the best attack; 0.5 is guessing",
                interval(best["low"], best["high"], near_one=True),
            ),
            KeyNumber(f"{audit.members:,}", "people trained on"),
            KeyNumber(f"{audit.others:,}", "people held out"),
        ],
        sections=[
            Section(
                "Who was it trained on?",
                "An attacker who holds careers of people and the model asks which of them it was trained on. "
                "What counts is whom she finds while she accuses hardly anyone wrongly.",
                tables=tuple(audit_tables(audit)),
            )
        ],
        facts={"Setting": _setting(audit)},
    )
    with new_output(path, [output_of_table(table.title, table) for table in audit_tables(audit)]) as file:
        file.write_text(render_page(page, "page.html.j2"), encoding="utf-8")


def _table(audit: Audit, unit: str) -> Table:
    header = ("attack", "AUC", "95 %", "found at 1 % accused", "at 0.1 %", "members among the 1 % most suspected")
    of_unit = audit.table.filter(unit=unit)
    rows = []
    for attack in of_unit["attack"].unique(maintain_order=True):
        area = audit.row(attack, "auc", unit)
        found = (share(audit.row(attack, measure, unit)["estimate"]) for measure in SHOWN)
        within = interval(area["low"], area["high"], near_one=True)
        rows.append((ATTACKS[attack], number(area["estimate"], near_one=True), within, *found))
    guessing = [share(of_unit.filter(measure=measure)["chance"][0]) for measure in SHOWN]
    rows.append(("guessing", "0.500", "", *guessing))
    return Table(f"Attacks on {UNITS[unit]}", header, tuple(rows))


def _setting(audit: Audit) -> str:
    refits = f"{audit.refits} refits on random halves of them" if audit.refits else "no refits"
    planted = f" {_of_canaries(audit.canaries)}" if audit.canaries is not None else ""
    completed = f" {_of_extraction(audit.extraction)}" if audit.extraction is not None else ""
    people = f"{audit.members:,} people of {audit.dataset} who were trained on, {audit.others:,} who were not"
    return f"{people}; {refits}; intervals draw people.{planted}{completed}"


def _of_extraction(found: Extraction) -> str:
    asked = f"Given {found.given} record, the model completes the next {found.records} without an error"
    shares = f"for {share(found.of_members)} of {found.members:,} people trained on and {share(found.of_others)} of"
    within = interval(100 * found.low, 100 * found.high)
    said = f"{asked} {shares} {found.others:,} held out (difference in points, 95 %: {within})."
    if found.shown["moved_members"] is None:
        return said
    moved = f"{share(found.of_moved_members)} of {found.moved_members:,} and {share(found.of_moved_others)}"
    return f"{said} Of those who moved within them: {moved} of {found.moved_others:,}."


def _of_canaries(found: Canaries) -> str:
    planted = f"{found.inserted + found.others:,} invented careers, {found.inserted:,} of them trained on"
    exposure = f"Mean exposure: {found.exposure:.2f} of {found.most:.2f} bits."
    guessed = f"{found.right:,} of {found.guesses:,} guesses are right: epsilon is at least {found.epsilon:.2f}"
    return f"Of {planted}, {guessed}. {exposure}"


def _markdown(table: Table) -> str:
    lines = [table.header, tuple("---" for _ in table.header), *table.rows]
    return "\n".join([f"{table.title}:", "", *(f"| {' | '.join(line)} |" for line in lines)])


def _plain(table: Table) -> str:
    lines = [table.header, *table.rows]
    widths = [max(len(line[at]) for line in lines) for at in range(len(table.header))]
    shown = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([f"{table.title}:", *shown])

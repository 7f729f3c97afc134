"""The page that goes with a fitted model: what it is, what it was fitted on, what it is for."""

from collections.abc import Iterator, Mapping
from typing import Any

from laborllm.privacy.markdown import in_markdown

INTENDED_USE = """\
Research on groups of workers: where careers lead, how groups differ, what a covariate adds. The model repeats the
regularities of the data it was fitted on, unfair ones included. It is not fit for decisions about a single person, such
as hiring, credit or benefits."""

DATA_TERMS = """\
No record of the panel is stored here. A language model can repeat careers it was tuned on, so these weights may go only
where the data themselves may go. The terms of the data bind whoever holds the model; nobody may be identified."""


AUDIT = (
    "None yet: `laborllm audit` measures how much the model tells of the people it was trained on, and writes it here."
)


def model_card(metadata: Mapping[str, Any], use: Mapping[str, str] | None = None) -> str:
    """A page in Markdown from what `run.json` states; `use` has sections on how to use the model."""
    record = metadata["record"]
    fitted_on = {
        "dataset": record["dataset"],
        "training careers": f"{record['workers']:,} workers, {record['records']:,} records",
        "taxonomy": f"{record['taxonomy']['name']}, {len(record['taxonomy']['entries'])} occupations",
        "panel fingerprint": record["fingerprint"],
        "seed": record["seed"],
    }
    sections = {
        "Fitted on": _table(fitted_on),
        "Options": _table(metadata["options"]),
        "Metrics": _table({name: f"{value:.4g}" for name, value in metadata["metrics"].items()}),
        **(use or {}),
        "Intended use": INTENDED_USE,
        "Terms of the data": DATA_TERMS,
        "Audit": AUDIT,
        "Environment": _table(metadata["environment"]),
    }
    shown = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items() if text)
    what = "An occupation model of laborllm: the probability of a worker's next occupation."
    return f"# {metadata['model']}\n\n{what}\n\n{shown}\n"


def with_section(card: str, title: str, text: str) -> str:
    """A card whose section of this title is replaced, or added at the end.

    Args:
        card: The page in Markdown.
        title: Of the section.
        text: What it says now.

    Returns:
        The page with that section.
    """
    head, *sections = card.rstrip("\n").split("\n\n## ")
    new = f"{title}\n\n{text}"
    places = [at for at, section in enumerate(sections) if section.split("\n", 1)[0] == title]
    if places:
        sections[places[0]] = new
    else:
        sections.append(new)
    return "\n\n## ".join([head, *sections]) + "\n"


def _table(rows: Mapping[str, Any]) -> str:
    lines = [f"| {in_markdown(name)} | {in_markdown(value)} |" for name, value in _flat(rows)]
    return "\n".join(["| | |", "|---|---|", *lines]) if lines else ""


def _flat(rows: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Rows whose values are rows themselves, one by one."""
    for name, value in rows.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}, {part}", inner) for part, inner in _flat(value))
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list | tuple) else value

"""Write the generated pages of docs/reference: the commands from their help, the functions from the public names."""

import sys
from pathlib import Path

import laborllm
from laborllm.cli import app

SECTIONS = {
    "Read and import": (
        "read_panel",
        "read_people",
        "PeopleOptions",
        "People",
        "import_",
        "ResumeOptions",
        "Panel",
        "Taxonomy",
        "load_taxonomy",
    ),
    "Fit": ("fit", "load", "out_of_fold"),
    "Forecast": ("forecast", "Forecast", "write_forecast", "unknown_values", "ScoringOptions"),
    "Years ahead": (
        "simulate",
        "Simulation",
        "two_years_ahead",
        "what_if",
        "if_records_said",
        "Difference",
        "group_shares",
        "backtest",
        "Backtest",
    ),
    "In words, and between occupations": (
        *("natural_frequencies", "next_frequencies", "mobility", "Mobility", "typical_careers", "next_steps"),
        *("feeders", "reachable", "typical_wages", "similar_occupations"),
    ),
    "Evaluate": ("evaluate", "Evaluation"),
    "Models": (),
}
"""Headings, and the names or beginnings of names below each; what is named nowhere is a model or its options."""


def api_page() -> str:
    """A page with a directive for each public name, in sections."""
    parts = [
        "# Python",
        "Everything here is in `import laborllm as ll`, which loads a module when one of its names is first used.",
    ]
    for title, wanted in SECTIONS.items():
        names = [name for name in laborllm.__all__ if _section(name) == title]
        order = {name: at for at, name in enumerate(wanted)}
        parts.append(f"## {title}")
        parts += [
            f"::: {getattr(laborllm, name).__module__}.{name}" for name in sorted(names, key=lambda n: order.get(n, 99))
        ]
    return "\n\n".join(parts) + "\n"


def _section(name: str) -> str:
    for title, wanted in SECTIONS.items():
        if name in wanted or any(each.endswith("_") and name.startswith(each) for each in wanted):
            return title
    return "Models"


if __name__ == "__main__":
    folder = Path(sys.argv.pop()) if len(sys.argv) > 1 else Path(__file__).parent / "reference"
    sys.argv = ["laborllm"]  # the usage lines begin with the name of the program that runs
    (folder / "cli.md").write_text(app.generate_docs())
    (folder / "api.md").write_text(api_page())

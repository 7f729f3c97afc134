"""The replication package of a study: all that repeats it, and no record of any person.

Its README has the sections that the data editors' DCAS 1.0 asks for. What may not be passed on, panels, forecasts of
single records and fitted weights, stays out; the same command on synthetic panels shows that the code runs.
"""

import json
import os
import platform
import shutil
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

import yaml

from laborllm.models.runs.run_folder import environment
from laborllm.panel import Panel
from laborllm.panel.summary import shown_row_counts
from laborllm.panel.tally import shown_size
from laborllm.privacy.outputs import FILE as DISCLOSURE
from laborllm.storage import new_folder
from laborllm.studies.confirmation.readme import readme
from laborllm.studies.protocol.config import SizeName
from laborllm.studies.protocol.report import ANSWERS, COSTS, REPORT
from laborllm.studies.protocol.study import Study

TAKEN = (REPORT, ANSWERS, COSTS, DISCLOSURE, "tables", "figures", "confirmation")
"""What is taken from the folder of a study, where it is there: numbers about many workers only."""


def make_package(study: Study, size: SizeName, out: Path, *, plan: Path | None = None) -> None:
    """Write the package of a study to the new folder `out`, or in the place of an earlier one that nobody has changed.

    Args:
        study: A study whose questions are answered.
        size: As which it was run.
        out: It gets README.md, the study file, what was found, environment, fingerprints and one command to repeat.
        plan: The plan that was confirmed, if one was.

    Raises:
        StorageError: `out` holds anything else.
    """
    folder = study.cache.folder
    with new_folder(out, kind="package") as place:
        for name in TAKEN:
            if (folder / name).is_dir():
                shutil.copytree(folder / name, place / name)
            elif (folder / name).is_file():
                shutil.copy(folder / name, place / name)
        if plan is not None:
            shutil.copy(plan, place / "plan.json")
        said = {"title": study.file.title, "panels": dict(study.file.panels), "base": study.file.base}
        (place / "study.yaml").write_text(yaml.safe_dump(said, sort_keys=False))
        (place / "panels.json").write_text(json.dumps(_panels(study), indent=1))
        (place / "environment.json").write_text(json.dumps(hardware() | environment(), indent=1))
        (place / "requirements.txt").write_text(_requirements())
        (place / "repeat.sh").write_text(_repeat(size))
        minutes = float(sum(study.cache.costs()["processor_minutes"]))
        (place / "README.md").write_text(readme(study, size, hardware(), minutes))


def _panels(study: Study) -> dict[str, Mapping[str, object]]:
    return {name: _about(study.panel(name)) for name in study.panels}


def _about(panel: Panel) -> Mapping[str, object]:
    """What identifies a panel, and what became of the rows of its source; no row."""
    return {
        "dataset": panel.dataset,
        "fingerprint": panel.fingerprint,
        "held_out": panel.held_out,
        "split_by": panel.split_by,
        "size": shown_size(panel),
        "source": panel.provenance.source,
        "files": panel.provenance.files,
        "rows": dict(shown_row_counts(panel.provenance)),
    }


def hardware() -> dict[str, str]:
    """The machine: processor, cores, memory and system."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = str(os.cpu_count())
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores": cores,
        "memory": f"{memory:.0f} GiB",
    }


def _requirements() -> str:
    names = {f"{each.metadata['Name']}=={each.version}" for each in distributions()}
    return "".join(f"{name}\n" for name in sorted(names, key=str.lower))


def _repeat(size: SizeName) -> str:
    return f"""#!/bin/sh
# On synthetic panels, in a minute:  sh repeat.sh smoke
# On the panels that study.yaml names, imported from their sources as README.md says:  sh repeat.sh
set -e
laborllm study study.yaml --out repeated --size "${{1:-{size}}}"
"""

"""The verb that lists what can be fitted."""

from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING

from laborllm.cli.fitting.spec_options import summary
from laborllm.cli.options import AsJson

if TYPE_CHECKING:
    from laborllm.models.runs.run_folder import Run


def models(*, json: AsJson = False) -> None:
    """List the occupation models that can be fitted, the ones that come fitted, and the base models on this machine.

    Example: `laborllm models`
    """
    from laborllm.lm.base.listing import list_base_models
    from laborllm.models.registry import MODELS, spec_class
    from laborllm.models.runs.run_folder import read_run
    from laborllm.models.runs.shipped import find_run, shipped_models

    models = [{"name": name, "about": " ".join(summary(spec_class(name)).split())} for name in MODELS]
    bases = [{"name": base.name, "about": base.about} for base in list_base_models()]
    fitted = [{"name": name, "about": _about(read_run(find_run(Path(name))))} for name in shipped_models()]
    if json:
        print(dumps({"models": models, "fitted": fitted, "base_models": bases}))
        return
    print("Occupation models, for laborllm fit MODEL:", *(f"{m['name']}: {m['about']}" for m in models), sep="\n  ")
    print("\nFitted models, in place of a run folder:", *(f"{f['name']}: {f['about']}" for f in fitted), sep="\n  ")
    print("\nBase models, for --base:", *(f"{base['name']}: {base['about']}" for base in bases), sep="\n  ")
    print("  any causal language model of Hugging Face, by its name or its folder")


def _about(run: "Run") -> str:
    """What a run folder holds, in a few words."""
    record = run.record
    datasets = " and ".join(name for name, _ in record.lineage.splits if name != record.dataset) or record.dataset
    return f"{run.model}, fitted on {record.workers:,} workers of {datasets}"

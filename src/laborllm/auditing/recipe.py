"""What an attacker fits who follows a recipe: the runs that it mixes, or starts at, are fitted again too."""

from pathlib import Path

from laborllm.errors import OptionError
from laborllm.models.contract import Spec
from laborllm.models.language.specs import TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.registry import load
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.runs import Fit
from laborllm.studies.protocol.versions import Version

APART = 1_000_003  # between the seeds of members that are one recipe


def recipe_of(spec: Spec, on: Version, seed: int) -> Fit:
    """The fit of a recipe, with a fit of its own for each run that the recipe names.

    Args:
        spec: The recipe.
        on: The version of the panel that all of it is fitted on.
        seed: Of the fit and its members, as if each were asked about by itself; members of one recipe differ in it.

    Raises:
        OptionError: A mixture of which a member is a file of forecasts, which nobody can fit again.
    """
    named = [_spec_at(run) for run in _runs_in(spec)]
    members = (recipe_of(each, on, seed + APART * named[:at].count(each)) for at, each in enumerate(named))
    return Fit(spec.name, spec, on, seed, tuple(members))


def make(runs: RunCache, fit: Fit) -> None:
    """Fit what a recipe names, then the recipe itself, unless it was done before.

    Args:
        runs: Where fits are kept.
        fit: The recipe.
    """
    for member in fit.members:
        make(runs, member)
    runs.make(fit)


def _runs_in(spec: Spec) -> tuple[Path, ...]:
    if isinstance(spec, Mixture):
        return spec.members
    return (spec.offset_model,) if isinstance(spec, TitleHead) and spec.offset_model is not None else ()


def _spec_at(run: Path) -> Spec:
    if run.is_file():
        raise OptionError(
            f"{run} is a file of forecasts, which cannot be fitted again: audit the mixture without refits and canaries"
        )
    return load(run).spec

"""The plan of a confirmation: panels, models, questions and the split seeds, frozen with a date and a hash."""

import hashlib
import json
import secrets
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from laborllm.errors import RunError, StorageError
from laborllm.models.runs.options import to_options
from laborllm.storage import new_file, read_json
from laborllm.studies.protocol.config import SizeName, StudyFile
from laborllm.studies.protocol.question import Question
from laborllm.studies.protocol.study import Study

LARGEST_SEED = 2**31
STATED = {"title", "made", "size", "folds", "seeds", "study", "fingerprints", "split_by", "models", "questions"}


def make_plan(
    study: Study, size: SizeName, questions: list[Question], out: Path, *, seed: int | None = None
) -> dict[str, Any]:
    """Freeze what is to be confirmed, and write it to `out`.

    Args:
        study: Its panels and models.
        size: As which the study is confirmed.
        questions: Their claims and rules are written down.
        out: A file that is not there yet, or holds this very plan, which is then returned as it was made.
        seed: Of the folds of the first repeat, and those after it of the others; default: seeds that the system draws,
            so that nobody has seen what they give.

    Returns:
        The plan, with its date and hash.

    Raises:
        StorageError: `out` holds anything else: a plan is not changed.
    """
    stated = {
        "title": study.file.title,
        "laborllm": version("laborllm"),
        "size": size,
        "folds": study.size.folds,
        "study": {"panels": dict(study.file.panels), "base": study.file.base, "models": list(study.file.models)},
        "fingerprints": {name: study.cache.panels.fingerprint(name) for name in study.panels},
        "split_by": {name: study.panel(name).split_by for name in study.panels},
        "models": _models(study),
        "questions": [{"number": each.number, "claim": each.claim, "rule": each.rule} for each in questions],
    }
    if out.exists():
        return _made_before(out, stated if seed is None else stated | {"seeds": _seeds(study, seed)})
    plan = stated | {"made": datetime.now(UTC).isoformat(timespec="seconds"), "seeds": _seeds(study, seed)}
    plan["hash"] = hash_of(plan)
    with new_file(out) as file:
        file.write_text(json.dumps(plan, indent=1))
    return plan


def _made_before(out: Path, stated: Mapping[str, Any]) -> dict[str, Any]:
    """The plan that a file holds, if it states just this."""
    with suppress(RunError):
        plan = read_plan(out)
        if stated.items() <= plan.items():
            return plan
    raise StorageError(f"{out} exists: a plan is made once; choose another file for another plan")


def _seeds(study: Study, seed: int | None) -> list[int]:
    """The seed of each repeat: drawn by the system, or `seed` and the numbers after it."""
    return [secrets.randbelow(LARGEST_SEED) if seed is None else seed + at for at in range(study.size.repeats)]


def read_plan(path: Path) -> dict[str, Any]:
    """A plan as it was frozen. Raises `RunError` if there is none, or if it was changed since."""
    if not path.is_file():
        raise RunError(f"no plan at {path}", hint="make one with 'laborllm study plan'")
    try:
        plan = dict(read_json(path))
        stated = plan.pop("hash")
    except (StorageError, ValueError, TypeError, KeyError) as error:
        raise RunError(f"{path} is no plan of a study") from error
    if missing := STATED - plan.keys():
        raise RunError(f"{path} is no plan of a study: it has no {min(missing)}")
    if hash_of(plan) != stated:
        raise RunError(f"{path} was changed after it was frozen: its hash is another one")
    if not _is_plan(plan):
        raise RunError(f"{path} is no plan of a study: an entry of it is of another kind")
    return plan | {"hash": stated}


def _is_plan(plan: Mapping[str, Any]) -> bool:
    """Whether what a plan states is of the kinds that `make_plan` writes."""
    try:
        names = set(plan["study"]["panels"])
        texts = [plan["title"], plan["made"], plan["size"], plan["study"]["base"], *plan["study"]["panels"].values()]
        texts += [*names, *plan["study"]["models"], *plan["fingerprints"].values(), *plan["split_by"].values()]
        whole = [plan["folds"], *plan["seeds"]]
        return (
            all(isinstance(text, str) for text in texts)
            and all(type(number) is int and number >= 0 for number in whole)
            and plan["folds"] > 1
            and len(plan["seeds"]) > 0
            and names == set(plan["fingerprints"]) == set(plan["split_by"]) != set()
        )
    except (TypeError, KeyError, AttributeError):
        return False


def require_planned(plan: Mapping[str, Any], study: Study) -> None:
    """Raise `RunError` if the panels or the models of a study are not those of its plan."""
    for name, fingerprint in plan["fingerprints"].items():
        if study.cache.panels.fingerprint(name) != fingerprint or study.panel(name).split_by != plan["split_by"][name]:
            raise RunError(f"the panel {name} is another one than when the plan was made")
    if _models(study) != plan["models"]:
        raise RunError("the models of this version of laborllm are other ones than when the plan was made")


def study_file(plan: Mapping[str, Any]) -> StudyFile:
    """The study that a plan is of."""
    said = plan["study"]
    return StudyFile(plan["title"], said["panels"], said["base"], models=tuple(said["models"]))


def hash_of(plan: Mapping[str, Any]) -> str:
    """SHA-256 of all that a plan states but its hash."""
    return hashlib.sha256(json.dumps(dict(plan), sort_keys=True).encode()).hexdigest()


def _models(study: Study) -> dict[str, Any]:
    """What is fitted under each name in tables, on the panel as it is."""
    fits = {model: study.fit(model, study.first) for model in study.models}
    return {model: {"name": fit.spec.name, **to_options(fit.spec)} for model, fit in fits.items()}  # type: ignore[arg-type]

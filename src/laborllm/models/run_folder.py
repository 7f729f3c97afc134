"""What a fit leaves behind: `run.json` with everything needed to use and cite it, a model card, and the weights."""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields, is_dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from laborllm.errors import RunError
from laborllm.models.card import model_card
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.storage import new_folder, require_complete

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FILE, CARD = "run.json", "README.md"

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Trained:
    """What a model was fitted on: the panel's taxonomy and label, hashes of the panel and of who was held out (never a
    row), sizes and seed."""

    taxonomy: Taxonomy
    dataset: str
    fingerprint: str
    held_out: str
    workers: int
    records: int
    seed: int

    @classmethod
    def on(cls, panel: Panel, train: Panel, *, seed: int) -> Self:
        """`panel` is what was handed to fit, `train` the careers that were used of it."""
        return cls(panel.taxonomy, panel.dataset, panel.fingerprint, panel.held_out, train.workers, len(train), seed)

    def require_same_taxonomy(self, panel: Panel) -> None:
        """Raise `RunError` unless `panel` has the taxonomy of the fit."""
        if panel.taxonomy != self.taxonomy:
            ours, theirs = self.taxonomy, panel.taxonomy
            raise RunError(
                f"the model was fitted on taxonomy {ours.name} with {len(ours)} occupations, "
                f"the panel has {theirs.name} with {len(theirs)} or other titles: import it with the same states"
            )

    def require_same_held_out(self, panel: Panel) -> None:
        """Raise `RunError` if `panel` is of the same dataset but holds other workers out: the fit may know them."""
        if panel.dataset == self.dataset and panel.held_out != self.held_out:
            raise RunError(
                f"the model was fitted on another split of {self.dataset}, so it may have been trained on workers that "
                "are in split test here: evaluate on the panel of the fit",
                hint="or import this one with the same --seed",
            )


@contextmanager
def new_run(
    path: Path, model: str, options: dict[str, Any], trained: Trained, metrics: Mapping[str, float] | None = None
) -> Iterator[Path]:
    """Yield a folder for weights; on leaving, `path` is complete with `run.json` and a model card, or not there."""
    with new_folder(path) as folder:
        yield folder
        about = {
            "model": model,
            "options": options,
            "trained": {
                **{name: value for name, value in vars(trained).items() if name != "taxonomy"},
                "taxonomy": json.loads(trained.taxonomy.to_json()),
            },
            "metrics": dict(metrics or {}),
            "environment": environment(),
        }
        (folder / FILE).write_text(json.dumps(about, indent=1))
        (folder / CARD).write_text(model_card(about))


def read_run(path: Path) -> tuple[str, dict[str, Any], Trained]:
    """Model name, options and training facts of a complete run folder. Raises `RunError` or `StorageError`."""
    require_complete(path)
    if not (path / FILE).is_file():
        raise RunError(f"{path} is not a run folder: it has no {FILE}", hint="make one with 'laborllm fit'")
    about = json.loads((path / FILE).read_text())
    trained = about["trained"] | {"taxonomy": Taxonomy.from_json(json.dumps(about["trained"]["taxonomy"]))}
    return about["model"], about["options"], restored(Trained, trained, path)


def stated(model: "DataclassInstance", *left_out: str) -> dict[str, Any]:
    """The options of a model as `run.json` states them, but for those that are left out."""
    options = {field.name: getattr(model, field.name) for field in fields(model) if field.name not in left_out}
    parts = {name: asdict(part) for name, part in options.items() if is_dataclass(part) and not isinstance(part, type)}
    return options | parts


def training_facts(model: str, panel: Panel, options: Mapping[str, Any], **also: str | bool | None) -> dict[str, Any]:
    """All that decides what training gives, but the seed: the panel, and the options of a model, those of its parts
    among them. also: what an option stands for, in its place, and what else decides."""
    facts: dict[str, Any] = {"model": model, "panel": panel.fingerprint}
    for name, option in options.items():
        facts |= option if isinstance(option, dict) else {name: option}
    return facts | also


def restored(kind: type[Kind], options: Mapping[str, Any], run: Path) -> Kind:
    """A model, or a part of one, from the options that `run` states of it, those of its own parts included. Raises
    `RunError` for one that it lacks: what another version of laborllm meant by it cannot be known."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    unknown = sorted(options.keys() - known)
    if unknown:
        raise RunError(
            f"{run} states {unknown[0]!r}, which this version of laborllm ({version('laborllm')}) does not know: "
            f"use the version that {CARD} names there, or fit it anew"
        )
    parts: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        part, found = field.default_factory, options.get(field.name)
        if isinstance(part, type) and is_dataclass(part) and isinstance(found, Mapping):
            parts[field.name] = restored(part, found, run)
    return kind(**{**options, **parts})


def read_metrics(path: Path) -> dict[str, float]:
    """The metrics that a complete run folder states."""
    return dict(json.loads((path / FILE).read_text())["metrics"])


def environment() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    packages = ("laborllm", "torch", "transformers", "tokenizers", "peft", "polars", "numpy")
    return {"python": platform.python_version(), "machine": platform.machine()} | {p: _version(p) for p in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

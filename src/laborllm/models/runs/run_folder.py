"""What a fit leaves behind: `run.json` with everything needed to use and cite it, a model card, and the weights."""

import json
import platform
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import reduce
from importlib.metadata import PackageNotFoundError, version
from operator import or_
from pathlib import Path
from typing import Any, Self

from laborllm.errors import PanelError, RunError, TaxonomyError
from laborllm.models.runs.card import AUDIT, model_card, with_section
from laborllm.models.runs.lineage import UNPUBLISHED, Lineage
from laborllm.models.runs.people import People, count_people, listed
from laborllm.models.runs.seen import Seen
from laborllm.models.runs.shipped import find_run
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, over
from laborllm.privacy import SMALLEST_CELL
from laborllm.privacy.outputs import FILE as DISCLOSURE
from laborllm.privacy.outputs import Output
from laborllm.privacy.outputs import record as record_outputs
from laborllm.storage import MARKER, new_file, new_folder, require_complete

FILE, CARD = "run.json", "README.md"
FEW_VALIDATED = f"fewer than {SMALLEST_CELL} workers were validated on"
TEXTS, WHOLE = ("dataset", "fingerprint", "held_out"), ("workers", "records", "seed")
PARAMETERS = Output("weights", refused="they may tell of single people: audit them, and see the terms of the data")


@dataclass(frozen=True)
class FitRecord:
    """What a model was fitted on.

    Attributes:
        taxonomy: Its occupations.
        dataset: Label of the panel.
        fingerprint: Hash of the panel; no row of it is kept.
        held_out: Hash of who is in split test.
        workers: How many careers were used.
        records: How many records they have.
        seed: The seed of the fit.
        lineage: The splits of the panel, and of all that the fit started from.
        seen: Hashes of the values that it has seen of each covariate that it reads; see `laborllm.models.runs.seen`.
        last_records: Years ahead are forecast from this many last records of a career, where it has more: what a
            network makes of careers longer than those that it learnt from means little. None: from all.
        people: How many of the workers were in each occupation, and each group; see `laborllm.models.runs.people`.
        few_validated: Whether the fit was validated on workers, and fewer than ten.
    """

    taxonomy: Taxonomy
    dataset: str
    fingerprint: str
    held_out: str
    workers: int
    records: int
    seed: int
    lineage: Lineage
    seen: Seen = field(default_factory=dict)
    last_records: int | None = None
    people: People = field(default_factory=dict)
    few_validated: bool = False

    @classmethod
    def on(
        cls, panel: Panel, train: Panel, *, seed: int, ancestors: Iterable[Lineage] = (), seen: Seen | None = None
    ) -> Self:
        """The record of a fit.

        Args:
            panel: What was handed to the fit.
            train: The careers of it that were used.
            seed: Of the fit.
            ancestors: The splits behind what else the model is made from.
            seen: The values that it knows of the covariates that it reads, if any.

        Returns:
            The record.

        Raises:
            PanelError: The panel is over one occupation, so that there is nothing to forecast.
        """
        if len(panel.taxonomy) == 1:
            raise PanelError(
                f"the taxonomy {panel.taxonomy.name} has one occupation only, which everyone has in every year: there "
                "is nothing to forecast"
            )
        return cls(
            taxonomy=panel.taxonomy,
            dataset=panel.dataset,
            fingerprint=panel.fingerprint,
            held_out=panel.held_out,
            workers=train.workers,
            records=len(train),
            seed=seed,
            lineage=reduce(or_, ancestors, Lineage.of(panel)),
            seen=seen or {},
            people=count_people(train),
            few_validated=0 < panel.records.filter(split="valid")["worker"].n_unique() < SMALLEST_CELL,
        )

    def released(self) -> Self:
        """What may be given away: without the hashes by which who was trained on, or a record, could be guessed."""
        lineage = Lineage.from_pairs((dataset, UNPUBLISHED) for dataset, _ in self.lineage.splits)
        return replace(self, fingerprint=UNPUBLISHED, held_out=UNPUBLISHED, lineage=lineage)

    @property
    def is_released(self) -> bool:
        """Whether it is without the hashes that `released` leaves out."""
        return self.fingerprint == UNPUBLISHED

    def over(self, panel: Panel) -> Panel:
        """`panel` over the taxonomy of the fit, as the model reads it; see `laborllm.panel.over`.

        Raises:
            PanelError: The panel has records of an occupation or a state that the taxonomy of the fit cannot express.
        """
        return over(panel, self.taxonomy)


@dataclass(frozen=True)
class Run:
    """A complete run folder, read once.

    Attributes:
        path: The folder.
        model: Name of the model.
        options: Its spec, as JSON has it.
        record: What it was fitted on.
        metrics: What the fit came to.
        extra: What else the model wrote down, such as hashes of what it was made from.
    """

    path: Path
    model: str
    options: dict[str, Any]
    record: FitRecord
    metrics: dict[str, float]
    extra: dict[str, Any] = field(default_factory=dict)


@contextmanager
def new_run(
    path: str | Path,
    model: str,
    options: Mapping[str, Any],
    record: FitRecord,
    metrics: Mapping[str, float] | None = None,
    weights: Output = PARAMETERS,
    **extra: object,
) -> Iterator[Path]:
    """Write a run folder: on leaving the context, it is complete with `run.json`, a model card and a list of what was
    checked of it before it may be published, or not there.

    Args:
        path: The run folder, which must not exist.
        model: Name of the model.
        options: Its spec, as `to_options` gives it.
        record: What it was fitted on.
        metrics: What the fit came to.
        weights: What was checked of the weights.
        extra: What else the model writes down.

    Yields:
        A folder to put weights into.

    Raises:
        StorageError: `path` exists, or cannot be written.
    """
    with new_folder(Path(path), editable=[CARD, DISCLOSURE]) as folder:
        yield folder
        written = sorted(str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file())
        metadata = {
            "model": model,
            "options": dict(options),
            "record": {
                **{name: value for name, value in vars(record).items() if name not in ("taxonomy", "lineage")},
                "lineage": record.lineage.splits,
                "taxonomy": json.loads(record.taxonomy.to_json()),
            },
            "metrics": dict(metrics or {}),
            "extra": extra,
            "environment": environment(),
        }
        (folder / FILE).write_text(json.dumps(metadata, indent=1))
        (folder / CARD).write_text(model_card(metadata))
        record_outputs(folder, {name: [weights] for name in written} | _of_card(record))


def _of_card(record: FitRecord) -> dict[str, list[Output]]:
    """What the card and `run.json` hold: how many workers were trained on, in all and by occupation."""
    refused = "" if record.workers >= SMALLEST_CELL else f"fewer than {SMALLEST_CELL} workers were trained on"
    sizes = Output("sizes", [{"split": "train", "status": "ok"}], refused=refused)
    metrics = Output("metrics", refused=FEW_VALIDATED if record.few_validated else "")
    hashes = Output("hashes", refused="of the panel, of who was held out and of values: leave them out to publish")
    return {
        CARD: [sizes, metrics],
        FILE: [sizes, metrics, *([] if record.is_released else [hashes]), *listed(record.people)],
    }


def list_as_audited(path: Path, record: FitRecord) -> None:
    """Say in the `disclosure.json` of a run folder that its model may go out: it was audited, as its card says.

    Args:
        path: The run folder.
        record: What the model was fitted on.

    Raises:
        StorageError: It cannot be written.
    """
    audited = Output("weights", said="audited before release: the card has the attacks and how far they get")
    files = sorted(file.name for file in path.iterdir() if file.name not in (MARKER, DISCLOSURE))
    record_outputs(path, {name: [audited] for name in files} | _of_card(record))


def read_run(path: Path) -> Run:
    """Read a complete run folder, or the model that comes with laborllm under that name.

    Raises:
        RunError: It is no run folder, or one of another version of laborllm.
        StorageError: It is torn, or not there.
    """
    path = find_run(path)
    metadata = read_metadata(path)
    try:
        record = metadata["record"]
        _require_kinds(record)
        taxonomy = Taxonomy.from_json(json.dumps(record["taxonomy"]))
        lineage = Lineage.from_pairs(record["lineage"])
        seen = {str(name): [str(value) for value in hashes] for name, hashes in record.get("seen", {}).items()}
        people = {
            str(by): {str(name): int(number) for name, number in counts.items()}
            for by, counts in record.get("people", {}).items()
        }
        return Run(
            path,
            metadata["model"],
            metadata["options"],
            FitRecord(**record | {"taxonomy": taxonomy, "lineage": lineage, "seen": seen, "people": people}),
            metadata["metrics"],
            metadata["extra"],
        )
    except (TypeError, ValueError, KeyError, AttributeError, TaxonomyError) as error:
        raise RunError(f"{path} was written by another version of laborllm: fit the model again") from error


def _require_kinds(record: Mapping[str, Any]) -> None:
    """Raise `TypeError` for an entry of another kind than `FitRecord` has, of those that are texts and numbers."""
    kinds = {**dict.fromkeys(TEXTS, str), **dict.fromkeys(WHOLE, int), "few_validated": bool}
    wrong = [name for name, kind in kinds.items() if name in record and type(record[name]) is not kind]
    last = record.get("last_records")
    if wrong or not (last is None or (type(last) is int and last > 0)):
        raise TypeError(f"entries of another kind: {wrong or ['last_records']}")


def read_metadata(path: Path) -> dict[str, Any]:
    """All that `run.json` of a complete run folder states.

    Raises:
        RunError: It is no run folder, or not as laborllm writes it.
        StorageError: It is torn, or not there.
    """
    path = find_run(path)
    require_complete(path)
    if not (path / FILE).is_file():
        raise RunError(f"{path} is not a run folder: it has no {FILE}", hint="make one with 'laborllm fit'")
    try:
        return dict(json.loads((path / FILE).read_text()))
    except (ValueError, TypeError, RecursionError) as error:
        raise RunError(f"{path / FILE} is not JSON as laborllm writes it: fit the model again") from error


def write_section(run: Path, title: str, text: str) -> None:
    """Replace a section of the card of a run folder, or add it at the end; all else stays as it is.

    Args:
        run: The run folder.
        title: Heading of the section.
        text: What stands below it.

    Raises:
        StorageError: The card cannot be written.
    """
    card = run / CARD
    with new_file(card) as file:
        file.write_text(with_section(card.read_text(), title, text))


def is_unaudited(run: Path) -> bool:
    """Whether the card of a run folder says that nobody has measured yet what the model tells of single people."""
    card = run / CARD
    return card.is_file() and AUDIT in card.read_text()


def environment() -> dict[str, str]:
    """Versions of what the numbers depend on."""
    packages = ("laborllm", "torch", "transformers", "tokenizers", "peft", "polars", "numpy")
    return {"python": platform.python_version(), "machine": platform.machine()} | {p: _version(p) for p in packages}


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"

"""The panels of a study by name, each read once, and their versions."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

import polars as pl

from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel, assign_split
from laborllm.sources import import_nlswork
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic
from laborllm.storage import make_folder
from laborllm.studies.protocol.versions import Version

NLSWORK = "nlswork"  # the panel that comes with laborllm, in place of a file
KEPT = 2  # versions held at once


@dataclass(frozen=True)
class Panels:
    """Panels by name, loaded when they are first used.

    Attributes:
        files: Panel files, by the name that tables use.
    """

    files: Mapping[str, Path]
    _read: dict[str, Panel] = field(default_factory=dict, compare=False, repr=False)
    _made: dict[Version, Panel] = field(default_factory=dict, compare=False, repr=False)

    @classmethod
    def of(cls, panel: Panel) -> Self:
        """One panel that is in memory, by the label of its dataset."""
        return cls({}, {panel.dataset: panel})

    def __call__(self, name: str) -> Panel:
        if name not in self._read:
            self._read[name] = Panel.load(self.files[name])
        return self._read[name]

    def __reduce__(self) -> tuple[type["Panels"], tuple[Mapping[str, Path]]]:
        """What another process needs to read them itself."""
        return type(self), (dict(self.files),)

    def fingerprint(self, name: str) -> str:
        """Hash of a panel."""
        return self(name).fingerprint

    def version(self, version: Version) -> Panel:
        """A version of a panel; the last few are held."""
        if version not in self._made:
            while len(self._made) >= KEPT:
                del self._made[next(iter(self._made))]
            self._made[version] = version.make(self)
        return self._made[version]


def synthetic_panels(names: tuple[str, ...], workers: int, folder: Path) -> Panels:
    """A synthetic panel in place of each, drawn with seeds of their own, as files in `folder`.

    Args:
        names: What the study calls its panels.
        workers: Workers of each.
        folder: Where the files are, and are written unless they are there.
    """
    make_folder(folder)
    taxonomy = load_taxonomy(NLSWORK).with_states(DRAWN_STATES)
    files = {name: folder / f"{name}-synthetic-{workers}.parquet" for name in names}
    for seed, (name, file) in enumerate(files.items()):
        if not file.exists():
            _in_pairs(import_synthetic(workers, taxonomy, seed=seed), name, seed).save(file)
    return Panels(files)


def _in_pairs(panel: Panel, dataset: str, seed: int) -> Panel:
    """The panel with two workers to a household, so that a study takes the way it takes on a survey."""
    household = (pl.col("worker").rank("dense") // 2).alias("household")
    split = assign_split(panel.records.drop("split").with_columns(household), seed=seed, by="household")
    return replace(panel, records=split, dataset=dataset, split_by="household")


def own_panels(sources: Mapping[str, str], folder: Path) -> Panels:
    """The panel file of each name, or nlswork, which is written to `folder`."""
    files = {}
    for name, source in sources.items():
        files[name] = Path(source)
        if source == NLSWORK:
            make_folder(folder)
            files[name] = folder / f"{NLSWORK}.parquet"
            if not files[name].exists():
                import_nlswork().save(files[name])
    return Panels(files)

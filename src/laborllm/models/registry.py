"""Models by name, and any fitted model from its run folder."""

from importlib import import_module
from pathlib import Path
from typing import Any

from laborllm.errors import LaborLLMError, OptionError, RunError, first_line
from laborllm.models.contract import Fitted, Forecaster, Spec
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.runs.options import from_options
from laborllm.models.runs.run_folder import read_run
from laborllm.models.runs.shipped import find_run
from laborllm.panel.files.store import Careers
from laborllm.storage import MARKER, file_hash

MODELS = {
    "oracle": ("oracle:Oracle", "oracle:FittedOracle"),
    "transition": ("counts.specs:Transition", "counts.transition:FittedTransition"),
    "logit": ("sequence.specs:Logit", "sequence.model:FittedSequence"),
    "bag-of-jobs": ("sequence.specs:BagOfJobs", "sequence.model:FittedSequence"),
    "nemo": ("sequence.specs:Nemo", "sequence.model:FittedSequence"),
    "career": ("sequence.specs:Career", "sequence.model:FittedSequence"),
    "off-the-shelf": ("language.specs:OffTheShelf", "language.off_the_shelf:FittedOffTheShelf"),
    "language-model": ("language.specs:LanguageModel", "language.language_model:FittedLanguageModel"),
    "title-head": ("language.specs:TitleHead", "language.title_head:FittedTitleHead"),
    "embedding-logit": ("language.specs:EmbeddingLogit", "language.embedding_logit:FittedEmbeddingLogit"),
    "mixture": ("mixture.specs:Mixture", "mixture.mixture:FittedMixture"),
}
"""Name to the places of the spec, which needs no torch, and of what its fit gives, which may."""


def spec_class(name: str) -> type[Spec]:
    """The class of the specs of the model called `name`. Raises `OptionError` for an unknown name."""
    if name not in MODELS:
        raise OptionError(f"unknown model {name!r}: use {', '.join(MODELS)}")
    found: type[Spec] = _attribute(MODELS[name][0])
    return found


def load(path: Path, *, held_out_by: Careers | None = None) -> Fitted:
    """The fitted model of a run folder, which is read once.

    Args:
        path: The run folder.
        held_out_by: Careers whose workers in split test must not have been trained on.

    Raises:
        RunError: No run folder of this version of laborllm, or one that may have been trained on workers that are
            held out.
        StorageError: A folder that is torn, or not there.
    """
    run = read_run(path)
    if held_out_by is not None:
        run.record.lineage.require_held_out_by(held_out_by)
    if not isinstance(run.model, str) or run.model not in MODELS:
        raise RunError(f"{path} holds a model {run.model!r}, which this version of laborllm does not know")
    try:
        spec_place, fitted_place = MODELS[run.model]
        spec = from_options(_attribute(spec_place), run.options, run.path)
        found: Fitted = _attribute(fitted_place).load(run, spec)
    except LaborLLMError:
        raise
    except Exception as error:  # of any kind, in a folder that was changed after its fit
        raise RunError(f"{path} is not as a fit of {run.model} writes it: {first_line(error)}") from error
    return found


def load_forecaster(path: Path, *, held_out_by: Careers | None = None) -> Fitted | SavedForecast:
    """The fitted model of a run folder, or the forecasts of a file: loaded, and refused, as by `load`."""
    if not path.is_file():
        return load(path, held_out_by=held_out_by)
    saved = SavedForecast.load(path)
    if held_out_by is not None:
        saved.lineage.require_held_out_by(held_out_by)
    return saved


def as_forecaster(model: str | Path | Forecaster) -> Forecaster:
    """A fitted model as it is given, or the one of a run folder."""
    return load(Path(model)) if isinstance(model, str | Path) else model


def state_of(path: Path) -> str:
    """A hash that changes with the forecasts of a file, or with a run folder: of its marker, which holds the hashes of
    its files. Raises `RunError` if neither is there."""
    hashed = path if path.is_file() else find_run(path) / MARKER
    if not hashed.is_file():
        raise RunError(f"no run folder and no file of forecasts at {path}")
    return file_hash(hashed)


def _attribute(place: str) -> Any:
    module, name = place.split(":")
    return getattr(import_module(f"laborllm.models.{module}"), name)

"""Models by name, and any fitted model from its run folder."""

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeVar, runtime_checkable

from laborllm.errors import OptionError, RunError
from laborllm.lm.scoring.options import ScoringOptions
from laborllm.models.contract import Forecaster, OccupationModel
from laborllm.models.run_folder import read_run
from laborllm.models.saved_forecast import SavedForecast
from laborllm.panel import Panel
from laborllm.storage import MARKER, file_hash

if TYPE_CHECKING:
    from laborllm.lm.forward.text_model import TextModel

Model = TypeVar("Model", bound=Forecaster)

MODELS = {
    "truth": ("laborllm.models.oracle", "Truth"),
    "transition": ("laborllm.models.counts.transition", "Transition"),
    "logit": ("laborllm.models.sequence.logit", "Logit"),
    "bag-of-jobs": ("laborllm.models.sequence.bag_of_jobs", "BagOfJobs"),
    "nemo": ("laborllm.models.sequence.nemo", "Nemo"),
    "career": ("laborllm.models.sequence.career", "Career"),
    "off-the-shelf": ("laborllm.models.language.off_the_shelf", "OffTheShelf"),
    "language-model": ("laborllm.models.language.language_model", "LanguageModel"),
    "title-head": ("laborllm.models.language.title_head", "TitleHead"),
    "embedding-logit": ("laborllm.models.language.embedding_logit", "EmbeddingLogit"),
    "mixture": ("laborllm.models.mixture.mixture", "Mixture"),
}
"""Name to module and class; a module is imported when its model is asked for, as some bring torch."""


def model_class(name: str) -> type[OccupationModel]:
    if name not in MODELS:
        raise OptionError(f"unknown model {name!r}: use {', '.join(MODELS)}")
    module, attribute = MODELS[name]
    found: type[OccupationModel] = getattr(import_module(module), attribute)
    return found


@runtime_checkable
class ReadsTitles(Protocol):
    """A model that reads its probabilities off the titles' text, in a way that may be chosen."""

    scoring: ScoringOptions


@runtime_checkable
class HoldsTextModel(Protocol):
    """A model that scores titles with a text model of its own."""

    def text_model(self) -> "TextModel":
        """The text model. Raises `RunError` for a model that is not fitted."""
        ...


def load_model(
    path: Path, scoring: ScoringOptions | None = None, *, held_out_by: Panel | None = None
) -> OccupationModel:
    """The fitted model of a run folder; `scoring` says how it reads titles, if it does.

    Raises `RunError` for one that may have been trained on workers that are held out by the given panel.
    """
    name, _, trained = read_run(path)
    if held_out_by is not None:
        trained.require_same_held_out(held_out_by)
    model = model_class(name).load(path)
    return model if scoring is None else with_scoring(model, scoring)


def load_forecaster(
    path: Path, scoring: ScoringOptions | None = None, *, held_out_by: Panel | None = None
) -> Forecaster:
    """The fitted model of a run folder, loaded and refused as by `load_model`, or the forecasts of a file."""
    return SavedForecast.load(path) if path.is_file() else load_model(path, scoring, held_out_by=held_out_by)


def state_of(path: Path) -> str:
    """A hash that changes with the forecasts of a file, or with a run folder: of its marker, which holds the hashes of
    its files. Raises `RunError` if neither is there."""
    stated = path if path.is_file() else path / MARKER
    if not stated.is_file():
        raise RunError(f"no run folder and no file of forecasts at {path}")
    return file_hash(stated)


def load_text_model(path: Path) -> "TextModel":
    """The text model of a run folder. Raises `RunError` if its model scores no titles."""
    model = load_model(path)
    if not isinstance(model, HoldsTextModel):
        raise RunError(f"{path} holds a {model.name} model, which reads no titles: give one of a language model")
    return model.text_model()


def with_scoring(model: Model, scoring: ScoringOptions) -> Model:
    """The same model, which from now on reads titles in that way, if it does."""
    if isinstance(model, ReadsTitles):
        model.scoring = scoring
    return model

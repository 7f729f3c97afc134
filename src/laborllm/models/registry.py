"""Models by name, and any fitted model from its run folder."""

from importlib import import_module
from pathlib import Path

from laborllm.errors import ModelError
from laborllm.models.contract import OccupationModel
from laborllm.models.run_folder import read_run

MODELS = {
    "transition": ("laborllm.models.transition", "Transition"),
    "off-the-shelf": ("laborllm.models.off_the_shelf", "OffTheShelf"),
    "language-model": ("laborllm.models.language_model", "LanguageModel"),
}
"""Name to module and class; a module is imported when its model is asked for, as some bring torch."""


def model_class(name: str) -> type[OccupationModel]:
    if name not in MODELS:
        raise ModelError(f"unknown model {name!r}: use {', '.join(MODELS)}")
    module, attribute = MODELS[name]
    found: type[OccupationModel] = getattr(import_module(module), attribute)
    return found


def load_model(path: Path) -> OccupationModel:
    """The fitted model of a run folder."""
    name, _, _ = read_run(path)
    return model_class(name).load(path)

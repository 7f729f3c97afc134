"""A program that imports laborllm, fits and forecasts, and prints what that changed in its process, as JSON.

Called with a folder of a base model and a panel file. What third parties do when they are imported comes first.
"""

import ctypes
import importlib
import json
import logging
import os
import pkgutil
import random
import signal
import sys
import warnings
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import accelerate  # noqa: F401
import altair  # noqa: F401
import numpy as np
import peft  # noqa: F401
import polars  # noqa: F401
import rich.progress  # noqa: F401
import torch
import transformers

with suppress(ImportError):
    import torchao.quantization  # noqa: F401

OWN_ATTENTION = "laborllm"
libraries: list[str] = []  # of C, loaded to be called directly, as the allocator is


class Watched(ctypes.CDLL):
    """A library of C whose loading is noted."""

    def __init__(self, name: Any, *given: Any, **named: Any) -> None:
        libraries.append(str(name))
        super().__init__(name, *given, **named)


def state() -> dict[str, Any]:
    """What is global to the process, by name."""
    loggers = [each for each in logging.root.manager.loggerDict.values() if isinstance(each, logging.Logger)]
    registered = transformers.AttentionInterface._global_mapping
    return {
        "logs": {each.name: (each.level, len(each.handlers)) for each in [logging.getLogger(), *loggers]},
        "progress bars": transformers.utils.logging.is_progress_bar_enabled(),
        "warnings": list(warnings.filters),
        "attention": {name: value for name, value in registered.items() if name != OWN_ATTENTION},
        "environment": dict(os.environ),
        "signals": [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)],
        "libraries": list(libraries),
        "torch": (torch.get_default_dtype(), torch.get_num_threads(), torch.is_grad_enabled()),
        "autocast": torch.is_autocast_enabled("cpu"),
        "random numbers": (random.getstate(), str(np.random.get_state()), torch.get_rng_state().tolist()),
    }


def changes(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The names of what changed; loggers that are new are no change."""
    new = after | {"logs": {name: after["logs"][name] for name in before["logs"]}}
    return [name for name in before if before[name] != new[name]]


def main(base: str, panel_file: str) -> None:
    found = {}
    before = state()
    import laborllm

    for module in pkgutil.walk_packages(laborllm.__path__, "laborllm."):
        importlib.import_module(module.name)
    found["import"] = changes(before, state())
    from laborllm.models.contract import Spec
    from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
    from laborllm.models.sequence.specs import Nemo
    from laborllm.panel import Panel

    panel = Panel.load(Path(panel_file))
    specs: list[Spec] = [
        OffTheShelf(base),
        LanguageModel(base, title_tokens="own"),
        TitleHead(base),
        EmbeddingLogit(base),
        Nemo(replace(Nemo().training, epochs=1), width=8),
    ]
    for spec in specs:
        before = state()
        fitted = spec.fit(panel.draw(None, 40, seed=0), seed=0)
        found[f"fit {spec.name}"] = changes(before, state())
        before = state()
        fitted.forecast(panel.subset("test"))
        found[f"forecast {spec.name}"] = changes(before, state())
    print(json.dumps({name: changed for name, changed in found.items() if changed}))


if __name__ == "__main__":
    ctypes.CDLL = Watched  # type: ignore[misc]
    main(*sys.argv[1:])

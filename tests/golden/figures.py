"""Golden figures: what a model gave when they were written, in one file, and how near it must stay.

Counting gives the same figures everywhere. Training sums in another order where the processor has other instructions
or torch is another version, and small differences grow as it continues: there, figures need only be near.
"""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from laborllm.models.contract import Forecaster
from laborllm.panel import Panel

FILE = Path(__file__).parent / "figures.json"

EXACT, NEAR = 1e-6, 5e-3  # relative

Figures = dict[str, float]


def figures_of(fitted: Forecaster, panel: Panel) -> Figures:
    """Mean log-likelihood of the test records in nats; the mean of their log-probabilities, each times a weight of its
    own, which any change of the order of records or occupations would move; log-perplexity of validation records."""
    test = panel.subset("test")
    log_prob = fitted.forecast(test).log_prob.astype(np.float64)
    weights = np.random.default_rng(0).random(log_prob.shape)
    return {
        "mean log-likelihood": float(fitted.log_likelihood(test).mean()),
        "projection": float((weights * log_prob).mean()),
        "validation log-perplexity": float(-fitted.forecast(panel.subset("valid")).log_likelihood.mean()),
    }


class Golden:
    """The figures of the file, to compare with or, when `writing`, to replace."""

    def __init__(self, *, writing: bool) -> None:
        self.writing = writing
        self.stored = json.loads(FILE.read_text()) if FILE.is_file() else {}
        self.found: dict[str, Figures] = {}

    def check(self, name: str, found: Figures, *, trained: bool = True) -> None:
        """Compare with the stored figures of `name`; `trained` by gradients, so that the machine matters."""
        self.found[name] = found
        if not self.writing:
            exact = not trained or self.stored["machine"] == machine()
            assert found == pytest.approx(self.stored["figures"][name], rel=EXACT if exact else NEAR)

    def write(self) -> None:
        """Replace the figures that were found; those of data that are not here stay."""
        figures = self.stored.get("figures", {}) | self.found
        FILE.write_text(json.dumps({"machine": machine(), "figures": figures}, indent=1, sort_keys=True) + "\n")


def machine() -> dict[str, str]:
    """What the last digits of training depend on."""
    capabilities = torch.cpu.get_capabilities()
    bfloat16 = [name for name in ("amx_bf16", "avx512_bf16") if capabilities.get(name)]
    return {
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "bfloat16": bfloat16[0] if bfloat16 else "none",
    }

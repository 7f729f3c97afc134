"""On careers of a known process no model forecasts better than the process: it would have to know the future."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.contract import Spec
from laborllm.models.counts.specs import Transition
from laborllm.models.forecasts.forecast import Floats
from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
from laborllm.models.mixture.specs import Mixture
from laborllm.models.oracle import Oracle
from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.sources.synthetic import DRAWN_STATES, DgpParameters, import_synthetic
from laborllm.training.config import TrainingConfig

YEARS = DgpParameters(first_year=2004, yearly_until=2011, last_year=2009)
"""Six interviews, so that a career fits into the context of a small base model."""

PLAN = TrainingConfig(epochs=4, batch_size=32, learning_rate=5e-3, validate_every=2000)
RECIPE, HEAD = (
    TuningConfig(learning_rate=1e-2, validate_every=500),
    TuningConfig.preset("head", learning_rate=1e-2, validate_every=500),
)


@pytest.fixture(scope="module")
def synthetic() -> Panel:
    return import_synthetic(1500, load_taxonomy("nlswork").with_states(DRAWN_STATES), seed=1, parameters=YEARS)


@pytest.fixture(scope="module")
def floor(synthetic: Panel) -> Floats:
    """Log-probability that the process gives each observed occupation of split test, (n,)."""
    return Oracle().fit(synthetic).log_likelihood(synthetic.subset("test"))


OVER_CODES: list[Callable[[], Spec]] = [
    lambda: Transition("plain"),
    lambda: Transition("two-part"),
    lambda: Transition("second-order"),
    lambda: Logit(PLAN),
    lambda: BagOfJobs(PLAN, width=64),
    lambda: Nemo(PLAN, width=64),
    lambda: Career(PLAN, layers=2, width=64),
]


@pytest.mark.parametrize("make", OVER_CODES, ids=lambda make: f"{make().name}-{getattr(make(), 'variant', '')}")
def test_models_over_codes(make: Callable[[], Spec], synthetic: Panel, floor: Floats) -> None:
    """Each of them knows far more than how frequent occupations are, and less than the process."""
    test = synthetic.subset("test")
    gap = floor - make().fit(synthetic, seed=0).log_likelihood(test)
    assert 0 < gap.mean() < floor_of_marginal(synthetic, floor)


@pytest.mark.parametrize("weights", ["constant", "varying"])
def test_mixtures(weights: str, synthetic: Panel, floor: Floats, tmp_path: Path) -> None:
    for model in (Transition("second-order"), Logit(PLAN)):
        model.fit(synthetic, seed=0).save(tmp_path / model.name)
    mixture = Mixture(tuple(sorted(tmp_path.iterdir())), weights=weights).fit(synthetic)  # type: ignore[arg-type]
    assert (floor - mixture.log_likelihood(synthetic.subset("test"))).mean() > 0


@pytest.mark.parametrize("kind", ["off-the-shelf", "language-model", "title-head", "embedding-logit"])
def test_models_over_text(
    kind: str, synthetic: Panel, base_folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path))
    base = str(base_folder)
    made: dict[str, Spec] = {
        "off-the-shelf": OffTheShelf(base),
        "language-model": LanguageModel(base, training=RECIPE),
        "title-head": TitleHead(base, training=HEAD),
        "embedding-logit": EmbeddingLogit(base),
    }
    fewer, few = synthetic.with_training(60, seed=0), synthetic.draw("test", 40, seed=0)
    floor = Oracle().fit(synthetic).log_likelihood(few)
    gap = floor - made[kind].fit(fewer, seed=0).forecast(few).log_likelihood
    assert gap.mean() > 0


def floor_of_marginal(panel: Panel, floor: Floats) -> float:
    """Nats a record that frequencies lose to the process without the past."""
    columns = panel.taxonomy.columns(panel.subset("train").records["occupation"])
    share = np.bincount(columns, minlength=len(panel.taxonomy)) / len(columns)
    observed = panel.taxonomy.columns(panel.subset("test").records["occupation"])
    return float((floor - np.log(share[observed])).mean())

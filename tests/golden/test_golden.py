"""The numbers of every model stay what they were, whatever happens to the code (`write.py` writes them again)."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from golden.figures import Golden, figures_of
from golden.models import (
    COUNTS,
    LANGUAGE,
    SEQUENCES,
    fit_counts,
    fit_language,
    fit_mixture,
    fit_oracle,
    fit_sequence,
)
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.sources import import_nlswork, import_table
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def golden() -> Iterator[Golden]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of summation depends on it
    golden = Golden(writing=os.environ.get("GOLDEN") == "write")
    yield golden
    if golden.writing:
        golden.write()
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def nlswork() -> Panel:
    return import_nlswork()


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name: str, nlswork: Panel, golden: Golden) -> None:
    golden.check(name, figures_of(fit_counts(name, nlswork), nlswork), trained=False)


@pytest.mark.parametrize("name", SEQUENCES)
def test_sequences(name: str, nlswork: Panel, golden: Golden) -> None:
    golden.check(name, figures_of(fit_sequence(name, nlswork), nlswork))


@pytest.mark.parametrize("weights", ["constant", "varying"])
def test_mixtures(weights: str, nlswork: Panel, golden: Golden, tmp_path: Path) -> None:
    golden.check(f"mixture-{weights}", figures_of(fit_mixture(weights, nlswork, tmp_path), nlswork))


@pytest.mark.parametrize("name", LANGUAGE)
def test_language(
    name: str, panel: Panel, base_folder: Path, golden: Golden, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    panel.save(tmp_path / "panel.parquet")
    golden.check(name, figures_of(fit_language(name, panel, base_folder, tmp_path / "panel.parquet"), panel))


def test_oracle(golden: Golden) -> None:
    synthetic = import_synthetic(500, load_taxonomy("nlswork").with_states(DRAWN_STATES), seed=0)
    golden.check("oracle", figures_of(fit_oracle(synthetic), synthetic), trained=False)


@pytest.mark.parametrize("name", ["nlsy97", "nlsy79"])
def test_surveys(name: str, golden: Golden) -> None:
    """Tables of real careers, only aggregates, on the split by worker that the figures were made on."""
    file = ROOT.parent / "shared" / "data" / name / f"{name}.dta"
    if not file.is_file():
        pytest.skip(f"{name}.dta is not here")
    survey = import_table(file, ROOT / "examples" / f"{name}.yaml", split_by="worker")
    sizes = {"records": len(survey), "workers": survey.workers, "occupations": len(survey.taxonomy)}
    golden.check(f"{name}-transition", figures_of(fit_counts("transition", survey), survey) | sizes, trained=False)

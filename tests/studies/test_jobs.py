"""Runs of a study: each once, the whole ones kept, what fails leaves nothing; and the panels that they are made on."""

import json
import pickle
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import LaborLLMError, OptionError, RunError
from laborllm.models.contract import Fitted
from laborllm.models.counts.specs import Transition
from laborllm.panel import Panel
from laborllm.progress import reported
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.jobs import run_jobs
from laborllm.studies.protocol.panels import KEPT, Panels, own_panels, synthetic_panels
from laborllm.studies.protocol.runs import Fit, Scores, in_order
from laborllm.studies.protocol.versions import Mixed, Sampled, Share, Until, Version

ONE = Version("ONE")
PLAIN, TWO_PART = Fit("plain", Transition("plain"), ONE), Fit("two-part", Transition(), ONE)


@dataclass(frozen=True)
class Fails:
    """A spec whose fit cannot be made."""

    name: ClassVar[str] = "fails"

    def fit(self, panel: Panel, *, seed: int = 0, out: Path | None = None) -> Fitted:
        raise RunError(f"nothing can be learnt from {panel.dataset}")


@pytest.fixture
def cache(panels: Panels, tmp_path: Path) -> RunCache:
    return RunCache(tmp_path / "study", panels)


def files(cache: RunCache) -> set[str]:
    """What lies in the folders of a study, hidden files too."""
    return {f"{path.parent.name}/{path.name}" for path in cache.folder.glob("*/*")}


@given(st.lists(st.tuples(st.sampled_from([PLAIN, TWO_PART]), st.sampled_from(["valid", "test"])), max_size=8))
def test_every_run_once_and_after_what_it_needs(asked: list[tuple[Fit, str]]) -> None:
    mixture = Fit("mixture", Transition(), ONE, members=(PLAIN, TWO_PART))
    scores = [Scores(fit, ONE, split) for fit, split in asked]  # type: ignore[arg-type]
    stages = in_order([*scores, Scores(mixture, ONE)])
    jobs = [job for stage in stages for job in stage]
    assert len(jobs) == len(set(jobs))
    assert set(jobs) == {*scores, Scores(mixture, ONE), mixture, PLAIN, TWO_PART}
    place = {job: number for number, stage in enumerate(stages) for job in stage}
    for job in jobs:
        needed = (job.fit,) if isinstance(job, Scores) else job.members
        assert all(place[other] < place[job] for other in needed)


def test_nothing_asked_is_nothing_done(cache: RunCache) -> None:
    run_jobs(cache, [])
    assert not cache.folder.exists()
    assert cache.costs().is_empty()


def test_each_run_is_a_step_of_the_work(cache: RunCache) -> None:
    heard: list[float] = []
    with reported(heard.append):
        run_jobs(cache, [Scores(PLAIN, ONE), Scores(TWO_PART, ONE), Scores(PLAIN, ONE)])
    assert heard == [0.25, 0.5, 0.75, 1.0]
    assert len(files(cache)) == 2 + 2 + 4  # runs, scores, and what each of them cost


def test_only_what_is_missing_is_made(cache: RunCache) -> None:
    run_jobs(cache, [Scores(PLAIN, ONE)])
    place = cache.place(PLAIN)
    before = (place / "run.json").stat().st_mtime_ns
    cache.place(Scores(PLAIN, ONE)).unlink()
    heard: list[float] = []
    with reported(heard.append):
        run_jobs(cache, [Scores(PLAIN, ONE), Scores(TWO_PART, ONE)])
    assert len(heard) == 3  # the forecast that was gone, the other fit and its forecast
    assert (place / "run.json").stat().st_mtime_ns == before
    assert cache.has(Scores(PLAIN, ONE))


def test_a_run_that_fails_keeps_those_before_and_leaves_nothing_of_itself(cache: RunCache) -> None:
    fails = Fit("fails", Fails(), ONE)
    with pytest.raises(LaborLLMError, match="nothing can be learnt from ONE"):
        run_jobs(cache, [Scores(PLAIN, ONE), Scores(fails, ONE), Scores(TWO_PART, ONE)])
    assert cache.has(PLAIN)
    assert not cache.has(fails)
    assert not cache.has(TWO_PART)
    assert files(cache) == {f"runs/{cache.place(PLAIN).name}", f"costs/fit-{cache.place(PLAIN).name}.json"}


@pytest.mark.parametrize("processes", [0, -1])
def test_no_process_is_refused_before_anything_is_made(processes: int, cache: RunCache) -> None:
    with pytest.raises(OptionError, match=f"at least one process, not {processes}"):
        run_jobs(cache, [Scores(PLAIN, ONE)], processes=processes)
    assert not cache.folder.exists()


def test_what_a_run_cost_says_what_it_was(cache: RunCache) -> None:
    fit = replace(TWO_PART, seed=4)
    run_jobs(cache, [Scores(fit, Version("OTHER"), whole=False)])
    costs = cache.costs().sort("kind")
    assert costs.select("kind", "panel", "seed").rows() == [("fit", "ONE", 4), ("forecast", "OTHER", 4)]
    assert costs["run"].to_list() == [
        cache.place(fit).name,
        cache.place(Scores(fit, Version("OTHER"), whole=False)).stem,
    ]
    one = json.loads((cache.folder / "costs" / f"fit-{cache.place(fit).name}.json").read_text())
    assert one["processor_minutes"] == costs["processor_minutes"][0] > 0


def test_scores_are_of_the_records_asked_for(cache: RunCache, panels: Panels) -> None:
    """Of one split, of a version, observed records only; with the same numbers whether whole or not."""
    few = Version("ONE") + Sampled(5, split="test")
    for split in ("valid", "test"):
        for whole in (True, False):
            scores = Scores(PLAIN, few, split, whole)
            run_jobs(cache, [scores])
            found = cache.log_prob(scores)
            expected = panels.version(few).subset(split).observed()
            assert found.select("worker", "year").equals(expected.records.select("worker", "year"))
            by_hand = cache.model(PLAIN).log_likelihood(expected)
            assert found["log_prob"].to_list() == pytest.approx(by_hand.tolist(), abs=1e-5)


def test_a_panel_is_read_once_and_few_versions_are_held(panels: Panels, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, loaded, one = Panels(panels.files), list[Path](), panels("ONE")

    def load(path: Path) -> Panel:
        loaded.append(path)
        return one

    monkeypatch.setattr(Panel, "load", load)
    versions = [ONE + Share(0.5), ONE + Share(0.25), ONE + Until(2005)]
    made = [ours.version(version) for version in versions]
    assert loaded == [panels.files["ONE"]]
    assert len(ours._made) == KEPT
    assert ours.version(versions[-1]) is made[-1]
    assert ours.version(versions[0]) is not made[0]
    assert ours.version(versions[0]).records.equals(made[0].records)


def test_panels_go_to_another_process_as_their_files(panels: Panels) -> None:
    panels.version(ONE)
    found = pickle.loads(pickle.dumps(panels))
    assert found == panels
    assert found._read == found._made == {}
    assert found.fingerprint("ONE") == panels.fingerprint("ONE")


def test_synthetic_panels_are_drawn_once_each_with_two_to_a_household(tmp_path: Path) -> None:
    first = synthetic_panels(("A", "B"), 30, tmp_path)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    again = synthetic_panels(("A", "B"), 30, tmp_path)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == written
    assert first.fingerprint("A") == again.fingerprint("A") != first.fingerprint("B")
    panel = first("A")
    assert (panel.dataset, panel.split_by, panel.workers) == ("A", "household", 30)
    sizes = panel.records.group_by("household").agg(pl.col("worker").n_unique(), pl.col("split").n_unique())
    assert max(sizes["worker"]) == 2
    assert set(sizes["split"]) == {1}


def test_panels_of_ones_own(panels: Panels, tmp_path: Path) -> None:
    found = own_panels({"mine": str(panels.files["ONE"]), "women": "nlswork"}, tmp_path)
    assert found("mine").fingerprint == panels("ONE").fingerprint
    assert found("women").workers == 4700
    written = (tmp_path / "nlswork.parquet").stat().st_mtime_ns
    own_panels({"women": "nlswork"}, tmp_path)
    assert (tmp_path / "nlswork.parquet").stat().st_mtime_ns == written


def test_versions_know_the_panels_that_they_mix_in(panels: Panels) -> None:
    """A change of the other panel is another version, though nothing else of it changed."""
    version = ONE + Mixed("OTHER", 0.5)
    prints = {"ONE": "1", "OTHER": "2"}
    before = version.identity(prints.__getitem__)
    assert before[:2] == ["1", "2"]
    assert version.identity((prints | {"OTHER": "3"}).__getitem__) != before
    assert (ONE + Share(0.5)).identity(prints.__getitem__) == ["1", {"change": "Share", "share": 0.5, "seed": 0}]

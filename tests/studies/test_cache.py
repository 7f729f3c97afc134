"""The run cache: what is kept is what a fit and a forecast by hand give, under a name that knows all that decides."""

import math
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from laborllm.errors import OptionError
from laborllm.models.counts.specs import Transition
from laborllm.models.mixture.specs import Mixture
from laborllm.models.sequence.specs import BagOfJobs, Logit
from laborllm.panel import Panel
from laborllm.runtime import VERBOSITY
from laborllm.studies.protocol.cache import RunCache
from laborllm.studies.protocol.jobs import _pool, run_jobs
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.runs import Fit, Scores, in_order
from laborllm.studies.protocol.versions import Share, Version

ONE = Version("ONE")
COUNTS, LOGIT = Fit("two-part", Transition(), ONE), Fit("logit", Logit(), ONE, seed=1)
MIXED = Fit("mixture", Mixture((Path("two-part"), Path("logit"))), ONE, seed=1, members=(COUNTS, LOGIT))
ASKED = [Scores(fit, ONE) for fit in (COUNTS, LOGIT, MIXED)]


@pytest.fixture(scope="module")
def cache(panels: Panels, tmp_path_factory: pytest.TempPathFactory) -> RunCache:
    made = RunCache(tmp_path_factory.mktemp("study"), panels)
    run_jobs(made, ASKED)
    return made


def test_forecasts_are_those_of_a_fit_by_hand(cache: RunCache, careers: Panel) -> None:
    test = careers.subset("test")
    for scores in ASKED[:2]:
        by_hand = scores.fit.spec.fit(careers, seed=scores.fit.seed).forecast(test)
        assert np.allclose(cache.forecast(scores).log_prob, by_hand.log_prob, atol=1e-5)
    found = cache.log_prob(ASKED[2])
    weights = cache.run(MIXED).metrics
    shares = [value for name, value in weights.items() if name.startswith("mean weight")]
    members = [cache.log_prob(scores)["log_prob"].to_numpy() for scores in ASKED[:2]]
    mixed = np.log(sum(share * np.exp(member) for share, member in zip(shares, members, strict=True)))
    assert np.allclose(found["log_prob"].to_numpy(), mixed, atol=1e-5)


def test_log_probabilities_are_those_of_the_distributions(cache: RunCache) -> None:
    only = replace(ASKED[1], whole=False)
    from_whole = cache.log_prob(only)
    cache.make(only)
    assert cache.has(only)
    assert cache.log_prob(only).drop("log_prob").equals(from_whole.drop("log_prob"))
    assert np.allclose(cache.log_prob(only)["log_prob"], from_whole["log_prob"], atol=1e-5)


def test_what_is_there_is_not_made_again(cache: RunCache) -> None:
    before = {job: cache.place(job).stat().st_mtime_ns for stage in in_order(ASKED) for job in stage}
    run_jobs(cache, ASKED)
    assert before == {job: cache.place(job).stat().st_mtime_ns for job in before}
    costs = cache.costs()
    assert set(costs["kind"]) == {"fit", "forecast"}
    assert costs["processor_minutes"].min() > 0  # type: ignore[operator]


def test_another_spec_panel_or_seed_is_another_run(cache: RunCache) -> None:
    fits = [
        LOGIT,
        replace(LOGIT, seed=2),
        replace(LOGIT, spec=Logit(training=replace(Logit().training, epochs=5))),
        replace(LOGIT, spec=BagOfJobs()),
        replace(LOGIT, on=Version("OTHER")),
        replace(LOGIT, on=ONE + Share(0.5)),
        MIXED,
        replace(MIXED, members=(COUNTS, replace(LOGIT, seed=2))),
    ]
    assert len({cache.place(fit) for fit in fits}) == len(fits)
    assert len({cache.place(Scores(fit, ONE)) for fit in fits}) == len(fits)
    assert cache.place(Scores(LOGIT, ONE)) != cache.place(Scores(LOGIT, ONE, split="valid"))


def test_mixtures_come_after_their_members() -> None:
    assert in_order([ASKED[2]]) == [[COUNTS, LOGIT], [MIXED], [ASKED[2]]]
    assert in_order([*ASKED, *ASKED])[0] == [COUNTS, LOGIT]


@pytest.mark.slow
def test_processes_give_the_same(cache: RunCache, panels: Panels, tmp_path: Path) -> None:
    other = RunCache(tmp_path, panels)
    run_jobs(other, ASKED, processes=2)
    for scores in ASKED:
        mine, theirs = (math.fsum(each.log_prob(scores)["log_prob"]) for each in (cache, other))
        assert mine == pytest.approx(theirs, abs=1e-4)
    with pytest.raises(OptionError, match="at least one process, not 0"):
        run_jobs(other, ASKED, processes=0)


def test_other_processes_are_as_quiet_as_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VERBOSITY, raising=False)
    with _pool(1) as pool:
        assert pool.submit(os.getenv, VERBOSITY).result() == "error"


@pytest.mark.parametrize("whole", [True, False])
def test_scores_that_were_changed_are_made_again(whole: bool, panels: Panels, tmp_path: Path) -> None:
    """A flipped bit, or the scores of another model in their place; a kill before they were noted, too."""
    cache = RunCache(tmp_path, panels)
    mine, others = (Scores(Fit(name, Transition(name), ONE), ONE, whole=whole) for name in ("two-part", "plain"))
    run_jobs(cache, [mine, others])
    place, content = cache.place(mine), cache.place(mine).read_bytes()
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    for changed in (bytes(flipped), cache.place(others).read_bytes(), b""):
        place.write_bytes(changed)
        assert not cache.has(mine)
        run_jobs(cache, [mine, others])
        assert place.read_bytes() == content
    (note,) = (tmp_path / "costs").glob("forecast-two-part*")
    note.unlink()
    run_jobs(cache, [mine, others])
    assert note.is_file()


def test_a_training_that_was_killed_at_its_end_leaves_nothing(panels: Panels, tmp_path: Path) -> None:
    cache = RunCache(tmp_path, panels)
    run_jobs(cache, [Scores(COUNTS, ONE)])
    place = cache.place(COUNTS)
    (place.with_name(f"{place.name}.training") / "step-000000001").mkdir(parents=True)
    run_jobs(cache, [Scores(COUNTS, ONE)])
    assert [entry.name for entry in place.parent.iterdir()] == [place.name]

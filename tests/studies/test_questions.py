"""What the questions compute: by hand, by a closed form, or by another library."""

import json
import math
from dataclasses import astuple, replace
from functools import reduce
from itertools import pairwise
from operator import or_
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import roc_auc_score

from laborllm.evaluation import evaluate
from laborllm.models.counts.specs import Transition
from laborllm.models.language.title_head import FittedTitleHead
from laborllm.occupations import load_taxonomy
from laborllm.panel import Panel
from laborllm.panel.history import History
from laborllm.panel.split import resample_training
from laborllm.report.numbers import number
from laborllm.sources.synthetic import DRAWN_STATES, import_synthetic
from laborllm.studies.protocol.config import SIZES
from laborllm.studies.protocol.panels import Panels
from laborllm.studies.protocol.question import Verdict, all_above, all_below
from laborllm.studies.protocol.versions import Recent, Version
from laborllm.studies.questions.forecasts.events import WHERE, by_age_and_degree, events_of
from laborllm.studies.questions.forecasts.gains import FEATURES, cells_of, leaves, shares
from laborllm.studies.questions.forecasts.history import last_of_windows
from laborllm.studies.questions.forecasts.subgroups import LEVEL, holm, with_age
from laborllm.studies.questions.forecasts.two_years import binned, pairs_of
from laborllm.studies.questions.forecasts.uncertainty import NEW_SEED, NEW_TEST, NEW_TRAINING, Variance
from laborllm.studies.questions.forecasts.vectors import NEAREST, group_agreement, similarity
from laborllm.studies.questions.training.data_and_size import Curve
from laborllm.studies.run import open_study, run_study


def test_windows_that_hold_everything_are_the_careers(panels: Panels, careers: Panel) -> None:
    """Each window's own record, in the order of the panel, has the log-probability that it has in the whole career."""
    fitted = Transition().fit(careers)
    windows = (Version("ONE") + Recent(50)).make(panels)
    scored = windows.records.select("worker", "year").with_columns(
        pl.Series("log_prob", fitted.log_likelihood(windows))
    )
    assert np.allclose(last_of_windows(scored), fitted.log_likelihood(careers.subset("test")), atol=1e-6)


def test_where_to_given_a_move(careers: Panel) -> None:
    forecast = Transition().fit(careers).forecast(careers.subset("test"))
    found = evaluate({"m": forecast}, careers, by=["transition"], metrics=[WHERE], draws=40)
    history = History.of(careers.subset("test"))
    logs = []
    for row, kind in enumerate(history.kind):
        if kind == "move":
            share = np.exp(forecast.log_prob[row].astype(float))
            logs.append(math.log(share[history.occupation[row]] / (1 - share[history.previous[row]])))
    expected = math.exp(-np.mean(logs))
    assert found.row("m", "given_move", "transition", "move")["estimate"] == pytest.approx(expected, rel=1e-4)


def test_age_and_degree_are_counted(careers: Panel) -> None:
    forecast = by_age_and_degree(careers)
    train, test = (careers.subset(split).records for split in ("train", "test"))
    row, code = 3, careers.taxonomy.codes[2]
    record = test.row(row, named=True)
    alike = train.filter(
        (pl.col("year") - pl.col("birth_year") == record["year"] - record["birth_year"])
        & (pl.col("education") == record["education"])
    )
    overall = (train.filter(occupation=code).height + 1) / (train.height + len(careers.taxonomy))
    expected = (alike.filter(occupation=code).height + 10 * overall) / (alike.height + 10)
    assert math.exp(forecast.log_prob[row, 2]) == pytest.approx(expected)


def test_events_are_of_the_states_known(careers: Panel) -> None:
    names = [event.name for event in events_of(careers.taxonomy)]
    assert names[:3] == ["change", "unemployed", "entering_unemployed"]
    assert names[-1] == "participation"
    assert [event.name for event in events_of(load_taxonomy("nlswork"))] == ["change"]


def test_being_in_a_state_is_set_beside_entering_it(tmp_path: Path) -> None:
    """The areas of the best network and of age and degree are scikit-learn's, and so is their difference."""
    file = tmp_path / "own.yaml"
    file.write_text("title: x\npanels: {A: a.parquet}\nmodels: [two-part, logit]\nquestions: [5]\n")
    (answer,) = run_study(file, tmp_path / "study", size="smoke").values()
    study = open_study(file, tmp_path / "study", size="smoke")
    panel = study.panel("A")
    test, history = panel.subset("test"), History.of(panel.subset("test"))
    column = panel.taxonomy.position["unemployed"]
    happened, outside = history.occupation == column, ~history.is_first & (history.previous != column)
    forecasts = (study.cache.forecast(study.scores("logit", "A")), by_age_and_degree(panel))
    table = answer.tables["A-states"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.header == ("event", "logit", "age and degree", "difference")
    for label, among in (("unemployed", np.ones(len(test), dtype=bool)), ("entering: unemployed", outside)):
        areas = [roc_auc_score(happened[among], each.log_prob[among, column]) for each in forecasts]
        shown = [float(cell.split(" ")[0].replace("\u2212", "-")) for cell in rows[label]]
        assert shown == pytest.approx([*areas, areas[0] - areas[1]], abs=0.0006)


def test_every_model_has_its_figures_for_every_group(panels: Panels, tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("title: x\npanels: {A: a.parquet}\nmodels: [plain, two-part, logit]\nquestions: [7]\n")
    (answer,) = run_study(file, tmp_path / "study", size="smoke").values()
    study = open_study(file, tmp_path / "study", size="smoke")
    table = answer.tables["A-every-model-perplexity"]
    women = (study.panel("A").subset("test").records["gender"] == "female").to_numpy()
    row = next(row for row in table.rows if row[:2] == ("gender", "female"))
    for model, shown in zip(table.header[2:], row[2:], strict=True):
        log_prob = study.cache.log_prob(study.scores(model, "A"))["log_prob"].to_numpy()
        assert shown == number(math.exp(-log_prob[women].mean()))
    others = [answer.tables[f"A-every-model-{name}"].header for name in ("auc", "kuiper")]
    assert others == [table.header] * 2


def test_ages_are_decades(careers: Panel) -> None:
    aged = with_age(careers).records
    assert aged["age"][0] == f"{(aged['year'][0] - aged['birth_year'][0]) // 10}0s"


def test_holm_refuses_one_after_the_other() -> None:
    """The smallest p-value is refused at the level over their number, the next over one fewer, and so on."""
    generator = np.random.default_rng(0)
    for _case in range(50):
        p = np.sort(generator.uniform(size=12) ** 4)
        refused = 0
        while refused < len(p) and p[refused] * (len(p) - refused) <= LEVEL:
            refused += 1
        assert holm(p) == refused
    assert holm(np.array([])) == 0
    assert holm(np.array([0.001, 0.002])) == 2


def test_pairs_two_years_apart(careers: Panel) -> None:
    pairs = pairs_of(careers, None)
    assert pairs is not None
    expected = []
    for career in careers.subset("test").records.partition_by("worker", maintain_order=True):
        year_of = dict(career.select("year", "occupation").iter_rows())
        ends = [year for year in year_of if year + 2 in year_of]
        if ends:
            expected.append((career["worker"][0], max(ends), year_of[max(ends) + 2], year_of[max(ends)]))
    codes = careers.taxonomy.codes
    for panel, opened in ((pairs.direct, [2]), (pairs.chained, [1, 2])):
        records = panel.records.filter(pl.col("occupation").is_null())
        rows = [(worker, end + ahead) for worker, end, *_ in expected for ahead in opened]
        assert sorted(records.select("worker", "year").rows()) == sorted(rows)
    by_worker = sorted(expected)
    assert [codes[at] for at in pairs.observed] == [observed for _, _, observed, _ in by_worker]
    assert [codes[at] for at in pairs.last] == [last for *_, last in by_worker]
    assert pairs.direct.records.drop_nulls("occupation").equals(pairs.chained.records.drop_nulls("occupation"))


def test_bins_are_means_of_many() -> None:
    direct = np.tile([0.5, 0.3, 0.2], (30, 1))
    found = binned(direct, direct[:, [1, 0, 2]])
    assert np.allclose(found.to_numpy(), [[0.25, 0.35], [0.5, 0.3]])  # 0.2 and 0.3 are in one bin
    assert binned(direct[:9], direct[:9]).is_empty()


def test_nobody_two_years_apart(careers: Panel) -> None:
    assert pairs_of(careers.part(careers.records.filter(pl.col("year") % 3 == 0)), None) is None


def test_variance_by_source() -> None:
    refits, seeds = np.array([2.0, 2.2, 2.4]), np.array([2.1, 2.3])
    found = Variance.of(refits, seeds, 0.01)
    assert (found.training, found.seed, found.test) == pytest.approx((0.04, 0.02, 0.01))
    assert found.total == pytest.approx(0.07)
    assert found.shares == pytest.approx({NEW_TEST: 1 / 7, NEW_TRAINING: 4 / 7, NEW_SEED: 2 / 7})
    assert Variance.of(refits, seeds[:1], 0.01).seed == 0


def test_refits_vary_as_the_closed_form_says() -> None:
    """The share of one occupation among households of two, drawn again and again: its variance is that of a mean."""
    generator = np.random.default_rng(1)
    frame = pl.DataFrame(
        {
            "worker": [f"w{at}" for at in range(400)],
            "household": [at // 2 for at in range(400)],
            "split": "train",
            "happened": generator.random(400) < 0.3,
        }
    )
    means = frame.group_by("household").agg(pl.col("happened").mean())["happened"].to_numpy()
    resampled = (resample_training(frame, "household", seed=seed)["happened"] for seed in range(600))
    drawn = [each.to_numpy().mean() for each in resampled]
    assert np.var(drawn, ddof=1) == pytest.approx(means.var() / 200, rel=0.15)  # s.e. of a variance of 600: 6 %
    assert np.mean(drawn) == pytest.approx(means.mean(), abs=0.005)


def test_cells_of_gains(careers: Panel) -> None:
    test = careers.subset("test")
    cells = reduce(or_, cells_of(careers, test))
    history = History.of(test)
    assert sum(int(cells[kind].sum()) for kind in ("first", "stay", "move")) == len(test)
    fifths = [cell for name, cell in cells.items() if "fifth" in name]
    assert (np.sum(fifths, axis=0) == 1).all()
    states = set(careers.taxonomy.states)
    before = test.records.select(pl.col("occupation").shift().over("worker")).to_series()
    assert cells["after a state without a job"].tolist() == [code in states for code in before]
    assert (history.gap[cells["three or more years since"]] >= 3).all()
    assert shares(careers).sum() == pytest.approx(1)
    frequent = [shares(careers)[history.occupation[cell]] for cell in fifths if cell.any()]
    assert all(rarer.max() < other.min() for rarer, other in pairwise(frequent))


def test_leaves_find_what_was_put_in(careers: Panel) -> None:
    """The gain is larger where a career is young; the tree says so, on workers that it was not grown on."""
    test = careers.subset("test")
    history = History.of(test)
    young = history.position <= 4
    gain = np.where(young, -0.5, 0.1) + 0.01 * np.random.default_rng(0).normal(size=len(test))
    found = leaves(test, careers, gain)
    half = (test.records["worker"].rank("dense") % 2 == 0).to_numpy()
    assert np.sum(list(found.values()), axis=0).tolist() == (~half).astype(int).tolist()
    assert all(any(feature in name for feature in FEATURES) for name in found)
    for name, cell in found.items():
        assert gain[cell].std() < 0.05, name


def test_nearest_occupations() -> None:
    """Vectors in clusters: all nearest are of the same group; without clusters as many as by chance."""
    generator = np.random.default_rng(0)
    groups = np.repeat(np.arange(6), 10)
    centres = generator.normal(size=(6, 8))
    near = similarity(centres[groups] + 0.05 * generator.normal(size=(60, 8)))
    agrees, chance, p = group_agreement(near, groups)
    assert agrees == 1
    assert p == pytest.approx(1 / 1001)
    assert chance == pytest.approx(9 / 59, abs=0.01)
    agrees, chance, p = group_agreement(similarity(generator.normal(size=(60, 8))), groups)
    assert agrees == pytest.approx(chance, abs=0.08)
    assert p > 0.001
    one, other = generator.normal(size=(2, 8))
    mean = (one + other) / 2
    cosine = (one - mean) @ (other - mean) / np.linalg.norm(one - mean) / np.linalg.norm(other - mean)
    assert similarity(np.stack([one, other]))[0, 1] == pytest.approx(cosine)
    assert NEAREST == 5


def test_curves_are_those_they_were_drawn_from() -> None:
    careers = [100, 300, 1000, 5000]
    drawn = [math.exp(2.0 + 3.0 * n**-0.4) for n in careers]
    found = Curve.fit(careers, drawn)
    assert astuple(found) == pytest.approx((2.0, 3.0, 0.4), rel=1e-3)
    assert found.careers_at(math.exp(2.0 + 3.0 * 2000**-0.4)) == pytest.approx(2000, rel=0.01)
    assert math.isinf(Curve(2.0, 3.0, 0.4).careers_at(math.exp(1.9)))


def test_what_intervals_decide() -> None:
    assert all_above([(1.1, 1.2), (1.01, 1.3)], 1) is True
    assert all_above([(1.1, 1.2), (0.99, 1.3)], 1) is None
    assert all_above([(1.1, 1.2), (0.8, 0.9)], 1) is False
    assert all_above([], 1) is None
    assert all_above([(None, None)], 1) is None
    assert all_below([(0.8, 0.9)], 1) is True
    assert all_below([(0.8, 0.9), (1.1, 1.2)], 1) is False
    assert all_below([(0.8, 1.1)], 1) is None


def make_room(base: Path) -> None:
    """Let a base model read texts as long as those of a study."""
    config = json.loads((base / "config.json").read_text())
    (base / "config.json").write_text(json.dumps(config | {"max_position_embeddings": 4096}))


def test_language_models_on_a_tiny_base(own_base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both questions answer; with random weights nothing need replicate, but every title has a probability."""
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "own.yaml"
    make_room(own_base_folder)
    file.write_text(f"title: x\npanels: {{A: a.parquet}}\nbase: {own_base_folder}\nquestions: [2, 3]\n")
    found = run_study(file, tmp_path / "study", size="smoke")
    tuning, titles = found.values()
    assert [row[0] for row in tuning.tables["tuning"].rows] == [
        "off the shelf",
        "with the list of titles",
        "with 2 examples",
        "with 5 examples",
        "with the list and 2 examples",
        "fine-tuned",
    ]
    assert [row[0] for row in titles.tables["titles"].rows] == [
        "literal",
        "numeric",
        "shuffled",
        "abbreviated",
        "reworded",
        "senior",
    ]
    raw = float(titles.tables["titles"].rows[0][1].replace(",", ""))
    assert raw > 1


def test_a_title_head_starts_at_nemo(own_base_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It reads few careers of the panel, and its offset is the fit of nemo on all of them."""
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    make_room(own_base_folder)
    file, models = tmp_path / "own.yaml", "[two-part, nemo, title-head]"
    file.write_text(f"title: x\npanels: {{A: a.parquet}}\nbase: {own_base_folder}\nmodels: {models}\nquestions: [1]\n")
    monkeypatch.setitem(SIZES, "smoke", replace(SIZES["smoke"], seeds=(0,)))
    (answer,) = run_study(file, tmp_path / "study", size="smoke").values()
    assert {row[0] for row in answer.tables["A"].rows} == {"two-part", "nemo", "title-head"}
    assert answer.verdict == Verdict("left open", "career is not among the models of the study.")
    study = open_study(file, tmp_path / "study", size="smoke")
    fitted = study.cache.model(study.fit("title-head", "A"))
    nemo = study.cache.model(study.fit("nemo", "A"))
    assert isinstance(fitted, FittedTitleHead)
    test = study.panel("A").subset("test")
    assert np.allclose(fitted.offset_model.log_likelihood(test), nemo.log_likelihood(test), atol=1e-6)
    assert fitted.record.workers == study.size.head_careers


def test_households_of_a_stratum_are_drawn_by_psu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a panel knows its strata and PSUs: the standard error over them is that of a textbook's formula, as the
    perplexity is the exponential of a ratio of totals, linearised."""
    panel = import_synthetic(300, load_taxonomy("nlswork").with_states(DRAWN_STATES), seed=4)
    number_ = pl.col("worker").rank("dense")
    records = panel.records.with_columns(psu=number_ % 20, stratum=number_ % 10)
    replace(panel, records=records).save(tmp_path / "own.parquet")
    (tmp_path / "own.yaml").write_text(f"title: x\npanels: {{A: {tmp_path}/own.parquet}}\nquestions: [13]\n")
    monkeypatch.setitem(SIZES, "smoke", replace(SIZES["smoke"], refitted=("two-part",), draws=4000, synthetic=None))
    (answer,) = run_study(tmp_path / "own.yaml", tmp_path / "study", size="smoke").values()
    rows = {row[1]: row[2:] for row in answer.tables["design"].rows}
    test = Panel.load(tmp_path / "own.parquet").subset("test")
    loss = -Transition().fit(panel).log_likelihood(test).astype(float)
    frame = test.records.select("psu", "stratum", away=pl.Series(loss - loss.mean()))
    totals = frame.group_by("stratum", "psu").agg(pl.col("away").sum())
    by_stratum = [each["away"].to_numpy() for each in totals.partition_by("stratum")]
    variance = sum(len(away) / (len(away) - 1) * ((away - away.mean()) ** 2).sum() for away in by_stratum)
    expected = math.exp(loss.mean()) * math.sqrt(variance) / len(loss)
    assert float(rows["PSU in stratum"][1]) == pytest.approx(expected, rel=0.12)
    ratio = float(rows["PSU in stratum"][1]) / float(rows["worker"][1])
    assert float(rows["PSU in stratum"][2]) == pytest.approx(ratio, rel=0.05)


@pytest.mark.slow
def test_one_panel_has_none_to_add(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("title: x\npanels: {A: a.parquet}\nquestions: [4, 10]\n")
    found = run_study(file, tmp_path / "study", size="smoke")
    assert [answer.verdict.holds for answer in found.values()] == ["left open"] * 2

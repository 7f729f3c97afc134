"""An audit on the terminal, as a page and in the model card."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

import laborllm as ll
from auditing.tables import MEASURES, table_of
from cli.commands import laborllm
from laborllm.auditing.canaries import Canaries
from laborllm.auditing.membership import Audit
from laborllm.auditing.report import as_markdown, as_text, headline, write_audit
from report.page import Page, assert_stands_alone


@pytest.fixture
def panel_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    ll.import_synthetic(workers=150).save(Path("panel.parquet"))
    assert laborllm("fit transition panel.parquet --out run") == 0
    return Path("panel.parquet")


def audit_of(auc: float, low: float) -> Audit:
    """An invented audit with two attacks; LiRA is the better one."""
    return Audit("nemo", "INVENTED", 700, 200, 16, table_of({"loss": 0.51, "lira": auc}, low))


def test_the_headline_names_the_strongest_attack() -> None:
    assert headline(audit_of(0.9, 0.88)) == (
        "The best of 2 attacks (LiRA) does better than guessing: of two people, one of them trained on, it picks the "
        "right one with a chance of 0.900, and it finds 4.0 % of those trained on while it accuses 1 % of the others."
    )
    assert "(LiRA) cannot be distinguished from guessing" in headline(audit_of(0.52, 0.49))


def test_tables_for_the_terminal_and_the_card() -> None:
    found = audit_of(0.9, 0.88)
    assert "| LiRA | 0.900 | 0.880 to 0.950 | 4.0 % | 0.5 % | 90.0 % |" in as_markdown(found)
    assert "| guessing | 0.500 |  | 1.0 % | 0.1 % | 77.8 % |" in as_markdown(found)
    assert "700 people of INVENTED who were trained on, 200 who were not; 16 refits" in as_text(found)
    assert "Attacks on single records:" in as_text(found)


def test_canaries_are_told_in_a_sentence() -> None:
    found = replace(audit_of(0.9, 0.88), canaries=Canaries(48, 52, 2.5, 5.73, 50, 45, 1.42))
    said = (
        "Of 100 invented careers, 48 of them trained on, 45 of 50 guesses are right: epsilon is at least 1.42. Mean "
        "exposure: 2.50 of 5.73 bits."
    )
    assert said in as_text(found)
    assert json.loads(found.to_json())["canaries"]["epsilon"] == 1.42


def test_the_page_stands_alone(tmp_path: Path) -> None:
    write_audit(tmp_path / "audit.html", audit_of(0.9, 0.88))
    text = (tmp_path / "audit.html").read_text()
    assert_stands_alone(text)
    assert Page(text).headings[0] == "Audit of a model nemo, INVENTED"


def test_the_verb_writes_json_a_page_and_the_card(panel_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert laborllm("audit run panel.parquet --refits 4 --draws 50 --json --out audit.html") == 0
    found = json.loads(capsys.readouterr().out)
    expected = ll.audit("run", panel_file, refits=4, draws=50)
    assert pl.DataFrame(found["attacks"]).equals(expected.table)
    assert Path("audit.html").is_file()
    card = Path("run/README.md").read_text()
    assert as_markdown(expected) in card
    assert card.count("## Audit") == 1
    assert set(pl.DataFrame(found["attacks"])["measure"]) == set(MEASURES)
    assert laborllm("evaluate run panel.parquet --likelihood-only") == 0  # the run is still whole


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("run panel.parquet --refits 3", "an even number, 4 or more, not 3"),
        ("run panel.parquet --reference nowhere", "no folder at nowhere"),
        ("nowhere panel.parquet", "no folder at nowhere"),
        ("run panel.parquet --canaries 5", "5 canaries say nothing: plant 20 or more"),
    ],
)
def test_bad_input_is_one_line(
    panel_file: Path, capsys: pytest.CaptureFixture[str], options: str, message: str
) -> None:
    capsys.readouterr()
    assert laborllm(f"audit {options}") == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert "\n" not in error

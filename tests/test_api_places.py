"""Where a fit writes: one process at a time, and a kill at any moment is mended by the same command."""

import subprocess
import sys
from pathlib import Path

import pytest

from laborllm.api import fit, out_of_fold
from laborllm.cli.main import main
from laborllm.errors import StorageError
from laborllm.models.runs.card import AUDIT, with_section
from laborllm.models.runs.run_folder import CARD
from laborllm.panel import Panel
from laborllm.storage import MARKER, sole_writer


@pytest.fixture
def file(panel: Panel, tmp_path: Path) -> Path:
    path = tmp_path / "panel.parquet"
    panel.save(path)
    return path


def test_two_fits_into_one_folder(panel: Panel, tmp_path: Path) -> None:
    with sole_writer(tmp_path / "run"), pytest.raises(StorageError, match="another process is writing"):
        fit("transition", panel, out=tmp_path / "run")
    fit("transition", panel, out=tmp_path / "run")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize("with_checkpoints", [False, True])
def test_a_fit_killed_after_its_save_ends_well(with_checkpoints: bool, panel: Panel, tmp_path: Path) -> None:
    """The same call gives the run that is there, and another is refused."""
    fit("transition", panel, out=tmp_path / "run")
    before = (tmp_path / "run" / MARKER).read_bytes()
    if with_checkpoints:
        for cycle in ("", ".cycle-2"):
            (tmp_path / f"run{cycle}.training" / "step-000000001").mkdir(parents=True)
    card = (tmp_path / "run" / CARD).read_text()
    (tmp_path / "run" / CARD).write_text(with_section(card, "Audit", AUDIT))
    for different in ({"seed": 1}, {"variant": "plain"}, {"careers": 20}):
        with pytest.raises(StorageError, match="exists already"):
            fit("transition", panel, out=tmp_path / "run", **different)
    fitted = fit("transition", panel, out=tmp_path / "run")
    assert fitted.record.fingerprint == panel.fingerprint
    assert (tmp_path / "run" / MARKER).read_bytes() == before
    assert (tmp_path / "run" / CARD).read_text() == card
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_fit_that_reads_runs_ends_well_too(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run folder keeps the places of its members as seen from itself."""
    monkeypatch.chdir(tmp_path)
    for variant in ("plain", "two-part"):
        fit("transition", file, variant=variant, out=tmp_path / variant)
    for _ in range(2):
        fitted = fit("mixture", "panel.parquet", members=(Path("plain"), Path("two-part")), out="runs/mixture")
    assert fitted.record.dataset == "INVENTED"
    with pytest.raises(StorageError, match="exists already"):
        fit("mixture", "panel.parquet", members=(Path("plain"),), out="runs/mixture")


def test_the_files_of_others_stay(panel: Panel, tmp_path: Path) -> None:
    """In folders that have the names of those of a fit."""
    fit("transition", panel, out=tmp_path / "run")
    theses = [tmp_path / f"{name}.training" / "thesis.tex" for name in ("run", "folds.parquet")]
    for thesis in theses:
        thesis.parent.mkdir()
        thesis.write_text("years of work")
    fit("transition", panel, out=tmp_path / "run")
    out_of_fold(tmp_path / "run", panel, out=tmp_path / "folds.parquet", folds=2)
    assert [[entry.name for entry in thesis.parent.iterdir()] for thesis in theses] == [["thesis.tex"]] * 2


@pytest.mark.parametrize(
    "verb", ["simulate run {0}.parquet --years 2031 --draws 2", "forecast run {0}.forecasts.parquet"]
)
def test_no_part_of_a_table_is_written_over_what_is_read(
    verb: str, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Until it is whole, a table is kept next to it: where the panel that is read may be, or another's file."""
    monkeypatch.chdir(tmp_path)
    fit("transition", str(file), out="run")
    name = verb.format("next.csv").split()[2]
    for content in (file.read_bytes(), b"mine"):
        Path(name).write_bytes(content)
        people = name if content != b"mine" else "panel.parquet"
        command = [*verb.format("next.csv").split(), "--out", "next.csv"]
        command[2] = people
        assert main(command) == 2
        assert f"{name} is in the way, where parts of the table are kept" in capsys.readouterr().err
        assert Path(name).read_bytes() == content
    assert not Path("next.csv").exists()


def test_a_folder_that_holds_no_run_of_this_version_is_in_the_way(panel: Panel, tmp_path: Path) -> None:
    fit("transition", panel, out=tmp_path / "run")
    (tmp_path / "run" / "run.json").write_text("{}")
    with pytest.raises(StorageError, match="exists already"):
        fit("transition", panel, out=tmp_path / "run")


def test_two_forecasts_into_one_file(panel: Panel, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    panel.save(tmp_path / "panel.parquet")
    fit("transition", panel, out=tmp_path / "run")
    command = f"forecast {tmp_path / 'run'} {tmp_path / 'panel.parquet'} --out {tmp_path / 'f.parquet'}"
    with sole_writer(tmp_path / "f.parquet"):
        assert main(command.split()) == 2
    assert "another process is writing" in capsys.readouterr().err
    assert main(command.split()) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"f.parquet", "panel.parquet", "run"}


def test_a_command_does_not_write_over_what_it_reads(
    file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = file.read_bytes()
    fit("transition", str(file), out=tmp_path / "run")
    (tmp_path / "same.parquet").hardlink_to(file)
    inner = tmp_path / "run" / "model" / "weights.parquet"  # deep in a folder that is read, whose marker has its hash
    inner.parent.mkdir()
    inner.write_text("kept")
    for command in (
        f"mix {file} --add {file} --out {file}",
        f"forecast {tmp_path / 'run'} {file} --out {file}",
        f"forecast {tmp_path / 'run'} {file} --out {tmp_path / 'same.parquet'}",
        f"mix {tmp_path / 'same.parquet'} --add {file}=0.5 --out {file}",
        f"evaluate one={tmp_path / 'run'} two={file} {tmp_path / 'same.parquet'} --out {file}",
        f"import resumes {tmp_path} --out {file}",
        f"forecast {tmp_path / 'run'} {file} --out {inner}",
    ):
        assert main(command.split()) == 2
        assert "is what the command reads: write to another place" in capsys.readouterr().err
    assert file.read_bytes() == before


@pytest.mark.parametrize("name", ["panel", "panel.csv", "panel.dta", "panel.parquet.gz"])
def test_a_panel_has_the_name_of_a_parquet_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text("code,title\n1,Bakers\n")
    assert main(f"import synthetic --workers 5 --taxonomy {tmp_path / name} --out {tmp_path / name}".split()) == 2
    assert main(f"import synthetic --workers 5 --out {tmp_path / name}".split()) == 2
    assert f"must end in .parquet, not {name}" in capsys.readouterr().err
    assert main(["import", "psid", "--variables"]) == 0  # which writes no panel
    assert (tmp_path / name).read_text() == "code,title\n1,Bakers\n"


@pytest.mark.parametrize("to", ["/dev/full", "closed"])
def test_output_that_goes_nowhere_is_no_traceback(to: str) -> None:
    code = "import sys; from laborllm.cli.main import main; sys.exit(main(['models']))"
    redirect = ">&-" if to == "closed" else f"> {to}"
    done = subprocess.run(["sh", "-c", f'{sys.executable} -c "{code}" {redirect}'], capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    assert to == "closed" or done.stderr == "laborllm: No space left on device\n"

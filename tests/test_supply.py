"""What a release is made of: files pinned by their hashes, a source distribution that gives the same wheel, and a
workflow whose steps are there."""

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
import yaml

from test_docs import ROOT

PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
WORKFLOW = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text())


def build(kind: str, source: Path, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "--target", kind, "--directory", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    (built,) = folder.glob("*.whl" if kind == "wheel" else "*.tar.gz")
    return built


def content(wheel: Path) -> dict[str, int]:
    """The checksum of each file of a wheel, the list of its own files aside."""
    with zipfile.ZipFile(wheel) as archive:
        return {entry.filename: entry.CRC for entry in archive.infolist() if not entry.filename.endswith("RECORD")}


def test_the_source_distribution_gives_the_wheel_of_the_checkout(tmp_path: Path) -> None:
    for folder in ("source", "one", "two"):
        (tmp_path / folder).mkdir()
    with tarfile.open(build("sdist", ROOT, tmp_path / "source")) as archive:
        archive.extractall(tmp_path / "source", filter="data")
    (unpacked,) = (path for path in (tmp_path / "source").iterdir() if path.is_dir())
    assert content(build("wheel", unpacked, tmp_path / "one")) == content(build("wheel", ROOT, tmp_path / "two"))


def test_the_lock_has_the_pins_and_a_hash_of_each() -> None:
    pins = dict(PIN.findall((ROOT / "constraints.txt").read_text()))
    entries = re.split(r"\n(?=[A-Za-z0-9])", (ROOT / "constraints.lock").read_text())
    locked = {found[1]: entry for entry in entries if (found := PIN.match(entry))}
    assert {name: dict(PIN.findall(entry))[name] for name, entry in locked.items()} == pins
    assert [name for name, entry in locked.items() if not re.search(r"--hash=sha256:[0-9a-f]{64}", entry)] == []


def test_the_workflow_runs_targets_that_there_are() -> None:
    steps = [step["run"] for job in WORKFLOW["jobs"].values() for step in job["steps"] if "run" in step]
    asked = {target for step in steps for target in re.findall(r"^make (\w+)", step, re.MULTILINE)}
    there = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    assert asked == {"dist", "supply"}
    assert asked <= there


def test_nothing_is_published_that_was_not_tested() -> None:
    jobs = WORKFLOW["jobs"]
    assert (jobs["publish"]["needs"], jobs["test"]["needs"]) == ("test", "build")
    assert not any("checkout" in step.get("uses", "") for name in ("test", "publish") for step in jobs[name]["steps"])


@pytest.mark.parametrize("command", WORKFLOW["jobs"]["test"]["steps"][-1]["run"].splitlines())
def test_the_steps_of_an_empty_environment_are_commands_of_laborllm(command: str) -> None:
    """Each is one that the command line knows, with its options."""
    words = command.split()
    assert words[0] == "empty/bin/laborllm"
    verb = words[1:3] if words[1] in ("import", "fit") else words[1:2]
    said = subprocess.run(
        [sys.executable, "-m", "laborllm", *verb, "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert [option for option in words if option.startswith("--") and option not in said] == []

"""What doctor finds is what the machine has, and what is amiss has a remedy."""

import json
import shutil
from importlib.metadata import version
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from cli.commands import laborllm
from laborllm import doctor


def _found(name: str) -> doctor.Finding:
    return next(finding for finding in doctor.examine() if finding.name == name)


def test_a_machine_that_runs_the_tests_has_all_packages() -> None:
    packages = [finding for finding in doctor.examine() if finding.part == "packages"]
    assert {"python", "laborllm", "torch", "transformers", "polars", "extra demo"} <= {one.name for one in packages}
    assert [one for one in packages if one.remedy] == []
    assert _found("torch").value == version("torch") == torch.__version__


def test_a_package_that_is_missing_or_too_old_has_a_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda name: ["torch>=99", "no-such-package>=2", 'x-y; extra == "more"'])
    assert _found("torch").remedy == "install torch>=99"
    assert _found("no-such-package") == doctor.Finding(
        "packages", "no-such-package", "not installed", "install no-such-package>=2"
    )
    assert _found("extra more").value == "lacks x-y"


def test_the_cache_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LABORLLM_CACHE", str(tmp_path / "cache"))
    caches = [finding.value for finding in doctor.examine() if finding.part == "caches"]
    assert caches[0] == f"{tmp_path / 'cache'}: not there yet"
    (tmp_path / "cache" / "vectors").mkdir(parents=True)
    (tmp_path / "cache" / "vectors" / "a").write_bytes(bytes(30_000_000))
    (tmp_path / "cache" / "vectors" / "link").symlink_to("a")
    caches = [finding.value for finding in doctor.examine() if finding.part == "caches"]
    assert caches[0] == f"{tmp_path / 'cache'}: vectors 0.03 GB"


def test_little_disk_and_memory_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: SimpleNamespace(free=10**9))
    monkeypatch.setattr(doctor, "LITTLE_MEMORY", 10**18)
    assert _found("this folder").value.startswith("1.0 GB free")
    assert str(_found("this folder").remedy).startswith("make room at ")
    assert _found("of this machine").remedy == "language models need more: models over codes do with this"


def test_the_verb_prints_lines_or_json(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert laborllm("doctor") == 0
    shown = capsys.readouterr().out
    assert [line for line in shown.splitlines() if not line.startswith(" ")] == [
        *("Packages", "Devices", "Memory", "Caches", "Disk")
    ]
    assert laborllm("doctor --json") == 0
    assert {"part": "packages", "name": "laborllm", "value": version("laborllm"), "remedy": None} in json.loads(
        capsys.readouterr().out
    )
    monkeypatch.setattr(doctor, "requires", lambda name: ["torch>=99"])
    assert laborllm("doctor") == 0
    assert "<- install torch>=99" in capsys.readouterr().out

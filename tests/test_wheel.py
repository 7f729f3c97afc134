"""The wheel, installed alone into an empty environment, goes the tour of the README."""

import os
import site
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

from test_docs import COMMAND, ROOT, blocks


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    return built


def test_the_wheel_holds_the_package_and_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if name.startswith("laborllm/")}
    source = ROOT / "src"
    there = {path.relative_to(source).as_posix() for path in (source / "laborllm").rglob("*") if path.is_file()}
    assert packed == {name for name in there if "__pycache__" not in name}


@pytest.mark.slow
def test_the_tour_in_an_empty_environment(wheel: Path, tmp_path: Path) -> None:
    """Other packages are those installed here, as a path: the environment itself has the wheel and nothing else."""
    venv.create(tmp_path / "env", with_pip=False)
    python = tmp_path / "env" / "bin" / "python"
    install = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet", "--no-deps", str(wheel)]
    subprocess.run(install, check=True, capture_output=True)
    (packages,) = (tmp_path / "env" / "lib").glob("python3*/site-packages")
    (packages / "others.pth").write_text("\n".join(site.getsitepackages()))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    path = f"{python.parent}{os.pathsep}{os.environ['PATH']}"
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | {"PATH": path}
    where = "import laborllm; print(laborllm.__file__)"
    found = subprocess.run([python, "-c", where], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert found.stdout.startswith(str(packages))
    tour = [command for block in blocks(ROOT / "README.md") for command in COMMAND.findall(block.code)]
    assert any("laborllm evaluate" in command for command in tour)
    for command in tour:
        done = subprocess.run(["sh", "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert (tmp_path / "report.html").is_file()


def test_every_extra_holds_something() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert [name for name, packages in extras.items() if not packages] == []

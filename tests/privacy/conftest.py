"""200 people of whom some stand out, and what every verb of the command line says of them."""

from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
from starlette.testclient import TestClient

import laborllm as ll
from cli.commands import laborllm
from laborllm.occupations.coding.titles import Titles
from laborllm.panel import Panel
from laborllm.serve import Served, Settings, create_app
from privacy.planted import COMMANDS, Said, planted, texts_of, unique_code


@pytest.fixture(scope="session")
def people() -> Panel:
    return planted()


@pytest.fixture(scope="session")
def desk(people: Panel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the commands read: the panel and another one."""
    desk = tmp_path_factory.mktemp("desk")
    people.save(desk / "panel.parquet")
    people.observed().save(desk / "closed.parquet")
    other = ll.import_synthetic(workers=200, seed=1)
    renamed = other.records.with_columns(pl.col("worker").str.replace("^", "other-"))
    Panel(renamed, other.taxonomy, "OTHER", other.provenance).save(desk / "other.parquet")
    return desk


@pytest.fixture(scope="session")
def said(people: Panel, desk: Path, base_folder: Path) -> dict[str, Said]:
    """What each verb prints and writes."""
    before = Path.cwd()
    found = {}
    common = people.records.group_by("occupation").agg(pl.col("worker").n_unique()).drop_nulls().sort("worker")
    words = {"base": base_folder, "unique": unique_code(people), "common": common["occupation"][-1]}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(desk)
        for verb, commands in COMMANDS.items():
            known = set(texts_of(desk))
            texts: dict[str, str] = {}
            for number, command in enumerate(commands):
                with redirect_stdout(StringIO()) as out, redirect_stderr(StringIO()) as err:
                    code = laborllm(command.format(**words))
                assert code == (2 if "{unique}" in command else 0), (command, err.getvalue())
                texts |= {f"out-{number}": out.getvalue(), f"err-{number}": err.getvalue()}
            new = {name: text for name, text in texts_of(desk).items() if name not in known}
            found[verb] = Said(texts | new)
    assert Path.cwd() == before
    return found | {"serve": Said(_served(desk))}


def _served(desk: Path) -> dict[str, str]:
    """What the page and the API say of an occupation that one person has had, and of all."""
    fitted = ll.load(desk / "counts")
    served = Served("planted", fitted, Titles.of(fitted.record.taxonomy))
    with TestClient(create_app(served, Settings(rate=1e6, burst=10**6)), base_url="http://127.0.0.1") as client:
        places = [
            "/",
            "/openapi.json",
            "/occupations",
            *(f"/occupations/{code}" for code in fitted.record.taxonomy.codes),
        ]
        return {f"{place}.html": client.get(place).text for place in places[:40]}

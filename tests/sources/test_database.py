"""The rows of a query, from a real PostgreSQL server and from DuckDB: the panel that a file gives, and no password."""

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

import polars as pl
import pytest

from laborllm.cli import main
from laborllm.errors import SourceError
from laborllm.panel import Panel
from laborllm.sources import import_query, import_table
from laborllm.sources.formats.database import read_query, shown_address, without_texts

duckdb = pytest.importorskip("duckdb", reason="laborllm[databases] is not installed")
dbapi = pytest.importorskip("adbc_driver_postgresql.dbapi", reason="laborllm[databases] is not installed")

USER, PASSWORD = "analyst", "s3cret/%@ :word"
NOBODY = "nobody"  # PostgreSQL refuses to run as root
MAPPING = """
dataset: OWN
taxonomy: occ1990dd
worker: person
year: wave
occupation: {column: job, missing: [9990]}
covariates:
  gender: sex
  birth_year: born
weight: w
"""
CREATE = (
    "CREATE TYPE sex AS ENUM ('Female', 'Male')",
    "CREATE TABLE jobs (person varchar, wave smallint, job numeric(6, 1), sex sex, born int, w real)",
    "INSERT INTO jobs VALUES ('1', 2001, 4.0, 'Female', 1980, 1.5), ('1', 2002, 9990, 'Female', 1980, 2), "
    "('2', 2001, 7, 'Male', NULL, NULL)",
)
ROWS = "person,wave,job,sex,born,w\n1,2001,4,Female,1980,1.5\n1,2002,9990,Female,1980,2\n2,2001,7,Male,,\n"
QUERY = "SELECT * FROM jobs"


def programs() -> Path | None:
    """The folder of PostgreSQL's server programs."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """HOST:PORT of a PostgreSQL server of our own, with a password and the table `jobs`, stopped in the end."""
    folder = programs()
    if folder is None:
        pytest.skip("PostgreSQL is not installed: apt-get install postgresql")
    owner = NOBODY if os.geteuid() == 0 else None

    def run(*command: str) -> None:
        subprocess.run(command, user=owner, cwd=home, check=True, capture_output=True)

    with TemporaryDirectory(prefix="laborllm-") as home, socket.socket() as free:
        if owner:
            shutil.chown(home, owner)
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        (Path(home) / "password").write_text(PASSWORD)
        data = f"{home}/data"
        run(f"{folder}/initdb", "-D", data, "-U", USER, "--auth=scram-sha-256", f"--pwfile={home}/password")
        settings = f"-p {port} -c listen_addresses=127.0.0.1 -k {home}"
        run(f"{folder}/pg_ctl", "-D", data, "-w", "-o", settings, "-l", f"{home}/log", "start")
        try:
            place = f"127.0.0.1:{port}"
            with dbapi.connect(address(place)) as connection:
                for statement in CREATE:
                    connection.cursor().execute(statement)
                connection.commit()
            yield place
        finally:
            run(f"{folder}/pg_ctl", "-D", data, "-m", "immediate", "stop")


def address(place: str, password: str = PASSWORD) -> str:
    return f"postgresql://{USER}:{quote(password, safe='')}@{place}/postgres"


@pytest.fixture
def file(tmp_path: Path) -> str:
    """The address of a DuckDB file with the same table."""
    with duckdb.connect(tmp_path / "jobs.duckdb") as connection:
        for statement in CREATE:
            connection.execute(statement)
    return f"duckdb://{tmp_path / 'jobs.duckdb'}"


@pytest.fixture(params=["server", "file"])
def database(request: pytest.FixtureRequest) -> str:
    """PostgreSQL, then DuckDB."""
    found = str(request.getfixturevalue(request.param))
    return address(found) if request.param == "server" else found


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(MAPPING)
    return tmp_path / "own.yaml"


def assert_no_password(text: str) -> None:
    assert PASSWORD not in text
    assert quote(PASSWORD, safe="") not in text
    assert "s3cret" not in text


def test_a_query_gives_the_panel_that_a_file_gives(database: str, mapping: Path, tmp_path: Path) -> None:
    (tmp_path / "jobs.csv").write_text(ROWS)
    expected, found = import_table(tmp_path / "jobs.csv", mapping), import_query(QUERY, database, mapping)
    assert found.fingerprint == expected.fingerprint
    assert found.provenance.left_out == expected.provenance.left_out == {"occupation uncodable": 1}
    assert list(found.provenance.files) == ["own.yaml"]
    assert found.provenance.notes["query"] == QUERY
    assert found.provenance.notes["query SHA-256"] == hashlib.sha256(QUERY.encode()).hexdigest()
    assert found.provenance.notes["database"] == shown_address(database)
    assert_no_password(repr(found.provenance))


@pytest.mark.parametrize("query", [QUERY, "jobs.sql"])
def test_from_the_command_line(
    query: str, database: str, mapping: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(mapping.parent)
    Path("jobs.sql").write_text(QUERY)
    command = ["import", "table", "--query", query, "--database", database, "--map", "own.yaml", "--out", "p.parquet"]
    assert main(command) == 0
    assert len(Panel.load(Path("p.parquet"))) == 2
    assert_no_password("".join(capsys.readouterr()))


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("SELEC 1", "syntax error at or near .SELEC."),
        ("SELECT * FROM people", "people.* does not exist"),
        ("SELECT person, wave FROM jobs", "the query has no column 'job'; its columns are person, wave"),
        ("SELECT person, person, wave, job FROM jobs", "person.* more than one"),
        ("SELECT person, wave, ARRAY[1] AS job FROM jobs", "column 'job' holds List"),
        ("SELECT * FROM jobs; SELECT * FROM people", "(multiple commands|people.* does not exist)"),
        ("", "(SetSqlQuery|the query has no column 'person')"),
        ("DROP TABLE jobs", "(no column|read-only)"),
    ],
)
def test_bad_queries(query: str, message: str, database: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        read_query(query, database, ["person", "wave", "job"])
    assert "\n" not in str(caught.value)
    assert_no_password(str(caught.value))
    assert read_query(QUERY, database, ["person"]).frame.height == 3  # and nothing was changed


@pytest.mark.parametrize("password", ["wr0ng", "%zz"])
def test_a_refused_password_is_not_shown(password: str, server: str) -> None:
    wrong = address(server, password) if password != "%zz" else f"postgresql://{USER}:s3cret%zz@{server}/postgres"
    with pytest.raises(
        SourceError, match=f"postgresql://{server}/postgres: .*(authentication failed|percent)"
    ) as caught:
        read_query(QUERY, wrong, ["person"])
    assert password not in str(caught.value)
    assert_no_password(str(caught.value))
    assert caught.value.__context__ is None  # a traceback would show it


def test_a_server_that_is_down() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        place = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(SourceError, match=f"postgresql://{place}/postgres: .*Connection refused") as caught:
            read_query(QUERY, address(place), ["person"])
    assert "\n" not in str(caught.value)
    assert_no_password(str(caught.value))


@pytest.mark.parametrize(
    "wrong",
    [
        "s3cret",
        "mysql://analyst:s3cret@host/jobs",
        "postgresql://analyst:s3cret/more@host/jobs",
        "postgresql://analyst:s3cret@more@host/jobs",
        "postgresql://analyst:s3cret",
        "postgresql://analyst:s3cret/jobs",
        "postgresql://host/jobs?password=a@s3cret",
        "postgresql://host/jobs#s3cret",
    ],
)
def test_an_address_that_is_none_is_not_repeated(wrong: str) -> None:
    with pytest.raises(SourceError, match="the database address is not one: write postgresql://USER@HOST") as caught:
        read_query(QUERY, wrong, ["person"])
    assert_no_password(str(caught.value))


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("postgres://host/jobs", "postgresql://host/jobs"),
        ("postgresql://analyst:s3cret@db.example.org:5433/jobs", "postgresql://db.example.org:5433/jobs"),
        ("postgresql://host/jobs?user=a&password=s3cret&sslmode=require", "postgresql://host/jobs"),
        ("postgresql://analyst@[::1]:5432/", "postgresql://[::1]:5432/"),
    ],
)
def test_an_address_is_shown_without_its_secrets(written: str, shown: str) -> None:
    assert shown_address(written) == shown


@pytest.mark.parametrize(
    ("query", "kept"),
    [
        ("SELECT * FROM t WHERE year >= 2018", "SELECT * FROM t WHERE year >= 2018"),
        ("SELECT * FROM t WHERE name = 'O''Hara' AND x = 3", "SELECT * FROM t WHERE name = '***' AND x = 3"),
        ("SELECT \"it's\" FROM t WHERE a = 'hunter2'", "SELECT \"it's\" FROM t WHERE a = '***'"),
        ("SELECT 1 -- password: hunter2\nFROM t", "SELECT 1 \nFROM t"),
        ("SELECT /* hunter2 */ 1", "SELECT  1"),
        ("SELECT $a$hunter2$a$, E'x\\'hunter2'", "SELECT '***', '***'"),
        ("SELECT 'hunter2", "SELECT '***'"),
        ('SELECT * FROM "postgres://u:hunter2@h/d"', "SELECT * FROM '***'"),
    ],
)
def test_a_query_is_kept_without_its_texts(query: str, kept: str) -> None:
    assert without_texts(query) == kept


@pytest.mark.parametrize(
    "query",
    [
        "COPY jobs TO 'OUT'",
        "ATTACH 'OUT' AS other",
        "SELECT * FROM read_csv('OUT')",
        "SET enable_external_access = true",
        "INSERT INTO jobs VALUES (9, 2000, 1)",
    ],
)
def test_a_query_reads_the_tables_of_its_file_alone(query: str, file: str, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("person,wave,job\n1,2000,1\n")
    with pytest.raises(SourceError) as caught:
        read_query(query.replace("OUT", str(tmp_path / "out.csv")), file, ["person"])
    assert str(tmp_path) not in str(caught.value)
    assert (tmp_path / "out.csv").read_text() == "person,wave,job\n1,2000,1\n"
    assert sorted(path.name for path in tmp_path.iterdir() if path.suffix == ".csv") == ["out.csv"]


def test_no_duckdb_file_is_made(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no database file at .*absent.duckdb"):
        read_query(QUERY, f"duckdb://{tmp_path / 'absent.duckdb'}", ["person"])
    (tmp_path / "torn.duckdb").write_bytes(b"no database" * 999)
    with pytest.raises(SourceError, match="not a valid DuckDB database file"):
        read_query(QUERY, f"duckdb://{tmp_path / 'torn.duckdb'}", ["person"])
    assert [path.name for path in tmp_path.iterdir()] == ["torn.duckdb"]


@pytest.mark.parametrize(
    "source",
    [
        [],
        ["jobs.csv", "--query", QUERY],
        ["--query", QUERY],
        ["--database", "duckdb://a"],
        ["a.csv", "--query", QUERY, "--database", "duckdb://a"],
    ],
)
def test_either_a_file_or_a_query(source: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "table", *source, "--map", "own.yaml", "--out", "p.parquet"]) == 2
    assert capsys.readouterr().err == "laborllm: give either a file, or --query together with --database\n"


def test_a_query_file_that_is_not_there(mapping: Path, file: str, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["--query", "absent.sql", "--database", file, "--map", str(mapping), "--out", "p.parquet"]
    assert main(["import", "table", *command]) == 2
    assert "cannot read the query in absent.sql" in capsys.readouterr().err


def test_a_wide_integer_is_not_rounded(file: str) -> None:
    found = read_query("SELECT 9007199254740993::BIGINT AS person", file, ["person"]).frame
    assert found.equals(pl.DataFrame({"person": ["9007199254740993"]}))


@pytest.mark.parametrize(
    "query",
    [
        "SELECT CAST('hunter2' AS INTEGER)",
        "SELECT CAST('it''s hunter2' AS INTEGER)",
        "SELECT CAST($a$hunter2$a$ AS INTEGER)",
        "SELECT CAST('eee' || 'hunter2' AS INTEGER)",
        'SELECT * FROM "postgres://u:hunter2@h/d"',
        "SELECT x FROM /* hunter2 */ nowhere",
        "SELECT x -- hunter2\nFROM nowhere WHERE",
        f"SELECT nothing FROM jobs WHERE a = 'hunter2 {'and more ' * 40}'",
    ],
)
def test_no_error_repeats_a_text_of_the_query(query: str, tmp_path: Path) -> None:
    with duckdb.connect(tmp_path / "jobs.duckdb") as connection:
        connection.execute("CREATE TABLE jobs (person VARCHAR)")
    with pytest.raises(SourceError) as refused:
        read_query(query, f"duckdb://{tmp_path / 'jobs.duckdb'}", ["person"])
    assert "hunter2" not in str(refused.value)

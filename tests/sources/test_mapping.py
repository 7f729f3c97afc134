"""The mapping file: what it may say, and the one line that answers a mistake in it."""

from pathlib import Path

import pytest

from laborllm.errors import SourceError
from laborllm.sources.formats.values import NO_KEY, NOT_AVAILABLE
from laborllm.sources.mapping import KeyColumn, LeftOut, OccupationColumn, RecodedColumn, TableMapping

SMALL = {"dataset": "OWN", "taxonomy": "occ1990dd", "worker": "id", "year": "year", "occupation": "occ"}


def _load(tmp_path: Path, text: str) -> TableMapping:
    path = tmp_path / "own.yaml"
    path.write_text(text)
    return TableMapping.load(path)


def _text(changes: dict[str, str | None]) -> str:
    return "".join(f"{key}: {value}\n" for key, value in (SMALL | changes).items() if value is not None)


def test_the_shortest_mapping(tmp_path: Path) -> None:
    mapping = _load(tmp_path, _text({}))
    worker, year = KeyColumn("id", NO_KEY), KeyColumn("year", NO_KEY)
    assert mapping == TableMapping("OWN", "occ1990dd", worker, year, OccupationColumn("occ"))
    assert mapping.columns == ["id", "year", "occ"]


def test_everything_is_read_as_written(tmp_path: Path) -> None:
    """YAML would take no for false, 0010 for eight and 1.0 for a number."""
    mapping = _load(
        tmp_path,
        _text(
            {
                "occupation": "{column: occ, crosswalk: census2010, missing: [0990]}",
                "states: [in_education]\nstatus": "{column: lfs, values: {no: in_education, 01: employed}}",
                "leave_out": "{unknown: {column: lfs, values: [0010, off]}}",
                "covariates": "{gender: {column: sex, values: {1: male, 2: ~, 3: null}}, birth_year: born}",
                "weight": "{column: w, kind: sampling}",
                "missing": "[-1, -2]",
            }
        ),
    )
    assert mapping.occupation == OccupationColumn("occ", "census2010", frozenset({"990"}))
    assert mapping.status == RecodedColumn("lfs", {"no": "in_education", "1": "employed"})
    assert mapping.leave_out == (LeftOut("unknown", "lfs", frozenset({"10", "off"})),)
    assert mapping.covariates == {
        "gender": RecodedColumn("sex", {"1": "male", "2": None, "3": None}),
        "birth_year": RecodedColumn("born"),
    }
    assert (mapping.weight, mapping.weight_kind) == ("w", "sampling")
    assert mapping.missing == NOT_AVAILABLE | {"-1", "-2"}
    assert mapping.columns == ["id", "year", "occ", "lfs", "w", "sex", "born"]


def test_crosswalk_none_is_no_crosswalk(tmp_path: Path) -> None:
    assert _load(tmp_path, _text({"occupation": "{column: occ, crosswalk: none}"})).occupation.crosswalk is None


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"worker": None}, "own.yaml: the entry 'worker' is missing"),
        ({"worker": ""}, "own.yaml: worker must be a text, not nothing"),
        ({"worker": "[id]"}, "own.yaml: worker must be a text, not a list"),
        ({"jobs": "occ"}, "own.yaml: unknown entry 'jobs'; use dataset, taxonomy, worker"),
        ({"states": "[retired]"}, "own.yaml: unknown state 'retired'; use unemployed, not_in_labor_force"),
        ({"states": "unemployed"}, r"own.yaml: states must be a list such as \[1, 2\], not 'unemployed'"),
        ({"occupation": "{colum: occ}"}, "own.yaml: occupation: unknown entry 'colum'; use column, crosswalk, missing"),
        ({"occupation": "[occ]"}, "own.yaml: occupation: expected lines of 'name: value', found a list"),
        ({"occupation": "{column: occ, missing: 9}"}, r"occupation: missing must be a list such as \[1, 2\], not '9'"),
        ({"status": "lfs"}, "own.yaml: status: the entry 'values' is missing"),
        ({"status": "{column: lfs, values: {1: busy}}"}, "status: unknown value 1 'busy'; use employed"),
        ({"status": "{column: lfs, values: {3: not_working}}"}, "status: unknown value 3 'not_working'; use employed"),
        ({"status": "{column: lfs, values: {1: employed, 01: employed}}"}, "values: the value 01 is listed twice"),
        ({"status": "{column: lfs, values: }"}, "status: values: expected lines of 'name: value', found nothing"),
        ({"leave_out": "{odd: lfs}"}, "own.yaml: leave_out: odd: the entry 'values' is missing"),
        ({"covariates": "{age: age}"}, "own.yaml: covariates: unknown entry 'age'; use education, gender, ethnicity"),
        ({"covariates": "{gender: {column: sex, values: {1: [a]}}}"}, "values: 1 must become a text, not a list"),
        ({"weight": "{column: w, kind: heavy}"}, "own.yaml: weight: unknown kind 'heavy'; use sampling"),
    ],
)
def test_mistakes(changes: dict[str, str | None], message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        _load(tmp_path, _text(changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "own.yaml: expected lines of 'name: value', found nothing"),
        ("- a\n- b\n", "own.yaml: expected lines of 'name: value', found a list"),
        ("dataset: [OWN\n", "own.yaml is not readable YAML"),
        ("a: {? [b] : c}\n", "own.yaml is not readable YAML"),
    ],
)
def test_not_a_mapping(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        _load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_no_mapping_file(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"no mapping file at .*own.yaml"):
        TableMapping.load(tmp_path / "own.yaml")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("year: year\n", "year"),
        ("covariates: {education: a, education: b}\n", "education"),
        ("status:\n  column: a\n  column: b\n", "column"),
    ],
)
def test_an_entry_given_twice(text: str, key: str, tmp_path: Path) -> None:
    """YAML libraries take the last of them, silently."""
    with pytest.raises(SourceError, match=rf"line \d+ gives the entry '{key}' a second time"):
        _load(tmp_path, _text({}) + text)

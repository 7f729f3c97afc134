"""Titles to codes: what is certain, what is likely, what stays uncoded, and how true the confidence is."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from laborllm.errors import TaxonomyError
from laborllm.occupations import load_taxonomy
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.coder import WITHOUT_CODE
from laborllm.occupations.coding.listed import ListedTitles, load_titles
from laborllm.occupations.taxonomy import Taxonomy

coder = pytest.fixture(load_coder, scope="module")


@pytest.fixture(scope="module")
def small() -> TitleCoder:
    """A coder of three occupations, with one title that the index gives to two of them."""
    taxonomy = Taxonomy.from_occupations("small", [("1", "Cooks", "A"), ("2", "Nurses", "A"), ("3", "Bakers", "A")])
    rows = [("fry cook", "1", 1), ("pastry chef", "1", 1), ("pastry chef", "3", 3), ("ward nurse", "2", 1)]
    rows += [(f"{place} anesthetist", "2", 1) for place in ("head", "staff", "night", *"abcde")]
    index = pl.DataFrame(rows, schema=["title", "code", "lines"], orient="row")
    modern = pl.DataFrame([("scrub nurse", "2")], schema=["title", "code"], orient="row")
    onet = pl.DataFrame([("sous chef", "1")], schema=["title", "code"], orient="row")
    return TitleCoder.learn(taxonomy, ListedTitles(index, modern, onet, (("Barista", "1"),)).with_taxonomy(taxonomy))


@pytest.mark.parametrize(
    "title",
    ["Bar\u0131sta", "BAR\u0130STA", "Ba\u0301rista", "B\u00e1rista", "\uff22\uff41rista", "ba\u00adrista", "BARISTA "],
    ids=["dotless i", "dotted I", "accent apart", "accent in one", "full width", "soft hyphen", "space"],
)
def test_letters_are_read_whatever_keyboard_wrote_them(title: str, small: TitleCoder) -> None:
    assert small.code([title]).select("code", "match").row(0) == ("1", "same words")


@pytest.mark.parametrize(
    ("title", "code", "match"),
    [
        ("Cooks", "1", "same words"),
        ("COOK, FRY", "1", "same words"),
        ("barista", "1", "same words"),
        ("Scrub nurses", "2", "same words"),
        ("Sous-chef", "1", "same words"),
        ("Night anesthesist", "2", "same words"),
        ("Senior fry cook II", "1", "fewer words"),
        ("Ward nurse - nights", "2", "fewer words"),
        ("Lead nurse (nights)", "2", "fewer words"),
        ("Night nurse", "2", "similar words"),
        ("ICU night nurse", "2", "abbreviated words"),
        ("Night RN", "2", "abbreviated words"),
        ("NIGHT NURSE", "2", "similar words"),
        ("Student", None, "no job"),
        ("Senior II", None, "no job"),
        ("", None, "no job"),
        ("Stay-at-home mum", None, "no job"),
        ("Chef de rang", None, "other language"),
    ],
)
def test_how_a_code_is_found(title: str, code: str | None, match: str, small: TitleCoder) -> None:
    assert small.code([title], threshold=0).select("title", "code", "match").row(0) == (title, code, match)


def test_of_several_codes_the_one_of_most_lines_is_the_surest(small: TitleCoder) -> None:
    assert [code for code, _ in small.candidates("Pastry chef")] == ["3", "1", "2"]


def test_a_decided_title_is_surer_than_one_of_the_index(small: TitleCoder) -> None:
    decided, index = small.code(["Barista", "Fry cook"], threshold=0)["confidence"]
    assert index < decided < 1


def test_corrections_come_first(small: TitleCoder) -> None:
    corrected = small.with_corrections({"FRY COOK": "3", "student": "2", "zookeeper": "1"})
    found = corrected.code(["Cook, fry", "Students", "Zookeeper", "Nurses"])
    assert found["code"].to_list() == ["3", "2", "1", "2"]
    assert found["match"].to_list() == [*["correction"] * 3, "same words"]
    assert found["confidence"].to_list()[:3] == [1, 1, 1]
    assert corrected.candidates("cook fry") == [("3", 1.0)]
    assert small.code(["Fry cook"])["code"].to_list() == ["1"]


@pytest.mark.parametrize(("title", "code", "message"), [("cook", "9", "'9' is no code"), ("!!", "1", "has no words")])
def test_a_correction_has_a_title_and_a_code(title: str, code: str, message: str, small: TitleCoder) -> None:
    with pytest.raises(TaxonomyError, match=message):
        small.with_corrections({title: code})


def test_below_the_threshold_a_title_stays_uncoded(small: TitleCoder) -> None:
    (confidence,) = small.code(["Night nurse"], threshold=0)["confidence"]
    coded = [small.code(["Night nurse"], threshold=at)["code"].item() for at in (confidence, confidence + 1e-6)]
    assert coded == ["2", None]


def test_rows_are_distinct_titles_in_order(small: TitleCoder) -> None:
    coded = small.code(["Nurses", None, "cook", "Nurses", "Cook"])
    assert coded["title"].to_list() == ["Nurses", "cook", "Cook"]
    assert coded.schema == {"title": pl.String, "code": pl.String, "confidence": pl.Float64, "match": pl.String}
    assert small.code([]).schema == coded.schema


@pytest.mark.parametrize("threshold", [-0.1, 1.1, float("nan")])
def test_a_threshold_is_a_share(threshold: float, small: TitleCoder) -> None:
    with pytest.raises(TaxonomyError, match="it must be from 0 to 1"):
        small.code(["Cooks"], threshold=threshold)


@given(title=st.text())
def test_any_text_is_coded_or_not(title: str, coder: TitleCoder) -> None:
    _, code, confidence, match = coder.code([title]).row(0)
    assert code is None or code in coder.taxonomy.position
    assert 0 <= confidence <= 1
    best = coder.candidates(title, 1)
    assert confidence == pytest.approx(best[0][1] if best else 0)
    assert (match in WITHOUT_CODE) == (not best)
    every = coder.candidates(title, len(coder.taxonomy))
    assert not every or sum(sure for _, sure in every) == pytest.approx(1)


def test_titles_of_the_taxonomy_have_their_own_code(coder: TitleCoder) -> None:
    taxonomy = coder.taxonomy
    assert coder.code(taxonomy.titles)["code"].to_list() == list(taxonomy.codes)


@pytest.mark.parametrize(
    ("title", "occupation"),
    [
        ("Sr. Software Engineer", "Computer systems analysts and scientists"),
        ("RN", "Registered nurses"),
        ("Registered Nurse - ICU", "Registered nurses"),
        ("Barista", "Other food service workers"),
        ("Truck driver", "Truck and delivery drivers"),
        ("Waitress", "Waiters and waitresses"),
        ("Elementary school teacher", "Primary school teachers"),
        ("Plumber's apprentice", "Plumbers and pipefitters"),
    ],
)
def test_titles_of_resumes(title: str, occupation: str, coder: TitleCoder) -> None:
    (code,) = coder.code([title])["code"]
    assert coder.taxonomy.title(code) == occupation


def test_shipped_titles_lead_into_the_taxonomy() -> None:
    listed, taxonomy = load_titles(), load_taxonomy("occ1990dd")
    assert {code for _, _, code, _ in listed.examples()} <= set(taxonomy.codes)
    assert not listed.index.select("title", "code").is_duplicated().any()
    assert not listed.modern.is_duplicated().any()
    assert not listed.onet.is_duplicated().any()
    assert len(set(listed.decided)) == len(listed.decided)


ANY = None  # uncoded, too, is right


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("Assistant principal", {"14"}),
        ("Consultant", {"26"}),
        ("Senior consultant", {"26"}),
        ("Lab technician", {"203", "223", ANY}),
        ("Tech lead", {"64", ANY}),
        ("Host", {"435", "444"}),
        ("Army sergeant", {"905"}),
        ("US Marine", {"905"}),
        ("Army infantry sergeant", {"905"}),
        ("Teacher", {"156", "157", ANY}),
        ("Executive Assistant to CEO", {"313"}),
    ],
)
def test_titles_that_mean_something_else_in_the_index(title: str, codes: set[str | None], coder: TitleCoder) -> None:
    assert coder.code([title])["code"].item() in codes


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("Manager", {"22", ANY}),
        ("Project manager", {"22", ANY}),
        ("Software engineer", {"64"}),
        ("Sales associate", {"275"}),
        ("Administrative assistant", {"313"}),
        ("Customer service representative", {"376"}),
        ("Cashier", {"276"}),
        ("Server", {"435"}),
        ("Owner", {"22", ANY}),
        ("Intern", {ANY}),
        ("Registered nurse", {"95"}),
        ("Account manager", {"274"}),
        ("Director", {"22", ANY}),
        ("Office manager", {"303"}),
        ("General manager", {"22"}),
        ("Research assistant", {"235", ANY}),
        ("Assistant manager", {"22", "243", ANY}),
        ("Supervisor", {ANY}),
        ("Engineer", {"59", ANY}),
        ("Self-employed", {ANY}),
        ("Chief of staff", {"22"}),
        ("Associate", {ANY}),
        ("Analyst", {ANY}),
        ("President", {"4", "22", ANY}),
    ],
)
def test_the_most_frequent_titles_of_resumes_are_right_or_uncoded(
    title: str, codes: set[str | None], coder: TitleCoder
) -> None:
    assert coder.code([title])["code"].item() in codes


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("Vice President", {"22", ANY}),
        ("SVP Marketing", {"13"}),
        ("Head of Growth", {"13"}),
        ("Head of Engineering", {"22"}),
        ("Head of HR", {"8"}),
        ("Key Holder", {"243", "275", ANY}),
        ("Controller", {"7"}),
        ("Postdoctoral Fellow", {"154", ANY}),
        ("Captain", {ANY}),
        ("Advisor", {ANY}),
        ("Officer", {ANY}),
        ("Lieutenant", {ANY}),
        ("Sgt", {ANY}),
        ("PFC", {"905"}),
        ("Lieutenant Colonel", {"905"}),
        ("Machinist's Mate", {"905"}),
        ("USAF", {"905"}),
        ("Buyer", {"29", ANY}),
        ("Foreman", {ANY}),
        ("Sales Executive", {"274"}),
        ("Nursing", {ANY}),
        ("Acct Exec", {"274"}),
        ("SRE", {"64"}),
        ("LCSW", {"174"}),
        ("Mother", {ANY}),
        ("Full-time dad", {ANY}),
        ("Maternity leave", {ANY}),
        ("Chef de projet", {ANY}),
        ("M\u00e8re au foyer", {ANY}),
        ("Verk\u00e4ufer", {ANY}),
        *((title, {ANY}) for title in ("Cajera", "Maestra", "Secretaria", "Postino", "Operaio", "Profesora")),
        *((title, {ANY}) for title in ("Chofer", "Vendeur", "G\u00e9rant", "Gardien")),
        *((title, {ANY}) for title in ("B\u00e4cker", "Bauer", "Fr\u00e4ser", "Winzer", "M\u00fcller", "Polis")),
        *((title, {ANY}) for title in ("BA\u0308CKER", "Lasser", "Dokter", "Bonde", "\u0160ofer")),
        *(("Camera Operator", {ANY, "195"}), ("Barista", {"444"}), ("Secretery", {"313"}), ("Cashieer", {"276"})),
        ("Chef de cuisine", {"436"}),
    ],
)
def test_titles_of_rank_of_the_home_and_of_other_languages_are_right_or_uncoded(
    title: str, codes: set[str | None], coder: TitleCoder
) -> None:
    assert coder.code([title])["code"].item() in codes


@pytest.mark.parametrize(
    ("slip", "title"),
    [
        ("Softwre Enginer", "Software engineer"),
        ("Regsitered nurse", "Registered nurse"),
        ("Acountant", "Accountant"),
        ("Elecrtician", "Electrician"),
        ("Receptionnist", "Receptionist"),
        ("Admin asst", "Administrative assistant"),
        ("Cust serv rep", "Customer service representative"),
    ],
)
def test_slips_and_abbreviations_survive(slip: str, title: str, coder: TitleCoder) -> None:
    found = coder.code([slip, title])
    assert found["code"].n_unique() == 1
    assert found["code"].null_count() == 0

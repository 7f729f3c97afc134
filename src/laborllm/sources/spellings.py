"""Common spellings of covariates, and the words that the panels use for them.

A model knows the words of the panel it was fitted on: "HS" is to it as good as nothing. What an import reads as another
word it notes, with the number of rows, and so it does for words that no panel uses.
"""

import re
from functools import cache

import polars as pl

from laborllm.sources.formats import values

WORDS: dict[str, dict[str, str]] = {
    "education": {
        "less than high school": "less than hs, lt hs, <hs, below high school, under high school, no high school, "
        "no hs diploma, no high school diploma, some high school, some hs, hs dropout, high school dropout, primary, "
        "primary school, elementary, elementary school, grade school, middle school, 8th grade or less, "
        "lt high school, no schooling, no schooling completed, none or preschool, nursery school preschool, "
        "kindergarten, less than 1st grade, 1st grade, 2nd grade, 3rd grade, 4th grade, 5th grade, 6th grade, "
        "7th grade, 8th grade, 9th grade, 10th grade, 11th grade, grade 1, grade 2, grade 3, grade 4, grade 5, "
        "grade 6, grade 7, grade 8, grade 9, grade 10, grade 11, 1st 2nd 3rd or 4th grade, 5th or 6th grade, "
        "7th or 8th grade, grades 1 2 3 or 4, grades 5 or 6, grades 7 or 8, 12th grade no diploma, "
        "nursery school to grade 4, grade 5 6 7 or 8",
        "high school": "hs, hs diploma, hs grad, hs graduate, hs degree, high school diploma, high school grad, "
        "high school graduate, high school degree, high school or equivalent, high school or ged, "
        "high school diploma or ged, high school diploma or equivalent, regular high school diploma, "
        "high school grad diploma or equiv ged, ged, hs ged, ged or alternative credential, secondary, "
        "secondary school, secondary education, 12th grade, grade 12, 12th grade diploma unclear",
        "some college": "some college no degree, some college but no degree, some college but less than 1 year, "
        "1 or more years of college credit no degree, college no degree, some university, associate, associates, "
        "associate degree occupational vocational, associate degree academic program, "
        "associate s degree occupational vocational program, associate s degree academic program, "
        "associate junior college, associate degree, associates degree, associate s degree, aa, aas, "
        "community college, junior college, 2 year college, 2 year degree, two year degree, two year college, "
        "1 year of college, 2 years of college, 3 years of college",
        "college": "bachelor of arts, bachelor of science, bachelor s degree ex ba ab bs, college graduate, "
        "college grad, college degree, bachelor, bachelors, bachelor s, bachelor degree, bachelors degree, "
        "bachelor s degree, ba, bs, ba bs, bsc, university, university degree, undergraduate degree, 4 year college, "
        "4 year degree, four year degree, four year college, 4 years of college",
        "graduate degree": "graduate, graduate school, postgraduate, post graduate, postgraduate degree, "
        "advanced degree, master, masters, master s, master degree, masters degree, master s degree, ma, ms, msc, "
        "mba, master of arts, master of science, master s degree ex ma ms meng med msw, doctor, doctorate, "
        "doctoral degree, doctorate degree, doctorate degree ex phd edd, phd, ph d, professional degree, "
        "professional school degree, professional school deg ex md dds dvm, "
        "professional degree beyond a bachelor s degree, jd, md, 5 years of college",
    },
    "gender": {
        "male": "m, man, men, males, boy, boys",
        "female": "f, woman, women, females, girl, girls",
    },
    "ethnicity": {
        "white": "caucasian, white alone, white only, white non hispanic, non hispanic white, nonhispanic white",
        "black or african american": "black, black only, black or african american alone, african american, "
        "black african american, afro american, black alone, black non hispanic, non hispanic black, "
        "nonhispanic black",
        "hispanic": "latino, latina, latinx, hispanic latino, hispanic or latino, latino hispanic, hispanic any race",
        "asian or pacific islander": "asian, asian alone, asian only, asian american, chinese, japanese, "
        "other asian or pacific islander, native hawaiian, hawaiian pacific islander, hawaiian pacific islander only, "
        "pacific islander, asian pacific islander, asian and pacific islander, api, "
        "native hawaiian or other pacific islander",
        "american indian or alaska native": "american indian, native american, alaska native, aian, "
        "american indian alaska native, american indian and alaska native, american indian alaskan native only, "
        "american indian aleut eskimo",
        "other": "other race, some other race, mixed, mixed race, multiracial, two or more races, two major races, "
        "three or more major races",
    },
    "region": {
        "northeast": "north east, ne, northeastern, northeast region, new england, new england division, "
        "middle atlantic, mid atlantic, middle atlantic division",
        "northcentral": "north central, nc, midwest, mid west, mw, midwestern, midwest region, north central region, "
        "east north central, east north central div, east north central division, west north central, "
        "west north central div, west north central division",
        "south": "s, southern, south region, south atlantic, south atlantic division, east south central, "
        "east south central div, east south central division, west south central, west south central div, "
        "west south central division",
        "west": "w, western, west region, mountain, mountain division, pacific, pacific division",
    },
}
"""Covariate -> the panels' word -> how else it is written; without punctuation, in lower case."""


def panel_word(covariate: str, text: str) -> str | None:
    """The panels' word for a text, or None where there is none: `panel_word("gender", "F")` is `female`."""
    return _known(covariate).get(_bare(text)) if covariate in WORDS else None


def as_panel_word(covariate: str, text: str) -> str:
    """The panels' word for a text, or the text itself where there is none."""
    return panel_word(covariate, text) or text


def panel_words(column: str, covariate: str) -> pl.Expr:
    """The panels' word for each text of a column, as `panel_word` has it; null where there is none."""
    bare = pl.col(column).str.to_lowercase().str.replace_all(".", "", literal=True).str.replace_all(r"[^\w<]+", " ")
    known = _known(covariate)
    return bare.str.strip_chars().replace_strict(
        list(known), list(known.values()), default=None, return_dtype=pl.String
    )


def to_panel_words(words: pl.Series, covariate: str, *, settled: pl.Series) -> tuple[pl.Series, dict[str, str]]:
    """Each word as the panels have it, where it has a common spelling, and notes of what was read as what.

    Args:
        words: What the source says, n texts.
        covariate: Which covariate it is; one without spellings stays as it is.
        settled: Whether a word stays as it is because the mapping file chose it, n.
    """
    if covariate not in WORDS:
        return words, {}
    distinct = words.filter(~settled).drop_nulls().unique().sort().to_list()
    spelt = {text: word for text in distinct if (word := panel_word(covariate, text)) not in (None, text)}
    others = [text for text in distinct if panel_word(covariate, text) is None]
    standard = words.replace(spelt)
    notes = {}
    if spelt:
        read = (f"{text!r} as {word!r} ({values.rows(_count(words, settled, text))})" for text, word in spelt.items())
        notes[f"{covariate} read"] = ", ".join(read)
    if others:
        kept = (f"{text!r} ({values.rows(_count(words, settled, text))})" for text in others[: values.SHOWN])
        more = f" and {len(others) - values.SHOWN} more" if len(others) > values.SHOWN else ""
        notes[f"{covariate} in words of its own"] = ", ".join(kept) + more
    return standard.zip_with(~settled, words), notes


@cache
def _known(covariate: str) -> dict[str, str]:
    known: dict[str, str] = {}
    for word, spellings in WORDS[covariate].items():
        known |= {_bare(text): word for text in (word, *spellings.split(", "))}
    return known


def _bare(text: str) -> str:
    """A text in lower case, with points dropped and other punctuation a blank; < stays, as it means less than."""
    return " ".join(re.sub(r"[^\w<]+", " ", text.lower().replace(".", "")).split())


def _count(words: pl.Series, settled: pl.Series, text: str) -> int:
    return int(((words == text) & ~settled).sum())

"""A career as a client sends it, in everyday words, checked at the edge."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from laborllm.serve.schema.base import Strict

Year = Annotated[int, Field(ge=1900, le=2060, strict=True, examples=[2024])]
Word = Annotated[str, Field(min_length=1, max_length=80)]
RECORDS = 60


class Record(Strict):
    """What a worker did in a year."""

    year: Year
    title: str = Field(
        min_length=1,
        max_length=200,
        description="Job title in everyday words, a title or a code of the taxonomy, or a state such as Unemployed.",
        examples=["Line cook"],
    )
    education: Word | None = Field(None, description="Highest level reached.", examples=["high school"])
    region: Word | None = Field(None, description="Region of the United States.", examples=["south"])


class Career(Strict):
    """A worker's career so far, a record for each year that is known."""

    records: list[Record] = Field(min_length=1, max_length=RECORDS)
    gender: Word | None = Field(None, examples=["female"])
    ethnicity: Word | None = Field(None, examples=["hispanic"])
    birth_year: int | None = Field(None, ge=1900, le=2060, strict=True, examples=[1990])

    @model_validator(mode="after")
    def _one_record_a_year(self) -> Self:
        years = [record.year for record in self.records]
        for year in years:
            if years.count(year) > 1:
                raise ValueError(f"two records are of {year}: give one for each year")
        if self.birth_year is not None and self.birth_year > min(years):
            raise ValueError(f"the birth year {self.birth_year} is after the first record, {min(years)}")
        return self

"""What a client sends and gets: careers in everyday words, checked at the edge, and people of a hundred."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Year = Annotated[int, Field(ge=1900, le=2060, strict=True, examples=[2024])]
Word = Annotated[str, Field(min_length=1, max_length=80)]
RECORDS = 60
USE = (
    "A description of people with careers like this one, not a guarantee for anybody, and not for selecting, ranking "
    "or judging people."
)


class Strict(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


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


class Outcome(BaseModel):
    """Where some of a hundred people with this career are."""

    kind: Literal["stay", "move", "other", "first"] = Field(examples=["stay"])
    code: str | None = Field(examples=["436"])
    title: str = Field(examples=["Cooks"])
    of_100: int = Field(description="People of a hundred, rounded.", examples=[52])
    low: int | None = Field(
        description="Nine in ten refits of the model are above it; null for one fit.", examples=[48]
    )
    high: int | None = Field(description="And below it.", examples=[57])
    error: float | None = Field(description="Monte Carlo standard error of of_100.", examples=[0.0])


class Part(BaseModel):
    """How many of a hundred people with this career are in a group of occupations."""

    group: str = Field(examples=["Services"])
    of_100: int = Field(examples=[58])


class Change(BaseModel):
    """How many more of a hundred people are in an occupation in the other version of a career."""

    code: str = Field(examples=["95"])
    title: str = Field(examples=["Registered nurses"])
    of_100: int = Field(examples=[4])
    error: float = Field(description="Monte Carlo standard error of the paired difference.", examples=[0.2])


class Origin(BaseModel):
    """The last record of a career as it was read."""

    year: int = Field(examples=[2024])
    code: str = Field(examples=["436"])
    title: str = Field(examples=["Cooks"])


class Answer(BaseModel):
    """What every answer holds."""

    model: str = Field(description="Name of the model.", examples=["nlsy"])
    use: str = Field(default=USE, description="What it must not be used for.")


class ForecastRequest(Strict):
    """Whom to forecast, and for which year."""

    careers: list[Career] = Field(min_length=1)
    year: Year | None = Field(None, description="After every record; default: the year after each career's last.")
    top: int = Field(5, ge=1, le=20, strict=True, description="Moves to name.")


class CareerForecast(BaseModel):
    """The forecast of one career."""

    origin: Origin
    year: int = Field(examples=[2025])
    outcomes: list[Outcome]
    notes: list[str]


class ForecastAnswer(Answer):
    """The forecasts, in the order of the careers."""

    forecasts: list[CareerForecast]


class Ahead(Strict):
    """How far and how finely to look ahead."""

    horizon: int = Field(10, ge=1, strict=True, description="Years ahead.", examples=[5])
    draws: int = Field(1000, ge=1, strict=True, description="Simulated careers of each person.", examples=[1000])
    seed: int = Field(0, ge=0, lt=2**31, strict=True, description="Seed of the draws.")
    top: int = Field(5, ge=1, le=20, strict=True, description="Moves to name.")


class SimulateRequest(Ahead):
    """Whom to simulate."""

    careers: list[Career] = Field(min_length=1)


class SimulatedYear(BaseModel):
    """One year ahead."""

    year: int = Field(examples=[2029])
    outcomes: list[Outcome]
    groups: list[Part]


class Moves(BaseModel):
    """Changes of occupation over all years, over the simulated careers."""

    mean: float = Field(examples=[1.4])
    low: float = Field(description="5 % quantile.", examples=[0])
    median: float = Field(examples=[1])
    high: float = Field(description="95 % quantile.", examples=[3])


class CareerSimulation(BaseModel):
    """The years ahead of one career."""

    origin: Origin
    years: list[SimulatedYear]
    moves: Moves
    notes: list[str]


class SimulateAnswer(Answer):
    """The simulations, in the order of the careers."""

    simulations: list[CareerSimulation]


class WhatIfRequest(Ahead):
    """Two versions of a career that end in the same year."""

    career: Career
    other: Career


class ChangedYear(BaseModel):
    """How the other version differs in one year."""

    year: int = Field(examples=[2029])
    changes: list[Change]


class WhatIfAnswer(Answer):
    """The other version less the first: people whose records say one thing and another."""

    years: list[ChangedYear]
    notes: list[str]


class OccupationName(BaseModel):
    """An occupation of the taxonomy."""

    code: str = Field(examples=["436"])
    title: str = Field(examples=["Cooks"])
    group: str = Field(examples=["Food preparation and service"])


class OccupationsAnswer(Answer):
    """All occupations that the model knows."""

    occupations: list[OccupationName]


class Step(BaseModel):
    """An occupation that people go to, or come from."""

    code: str = Field(examples=["433"])
    title: str = Field(examples=["Supervisors of food preparation and service"])
    of_100: int = Field(description="Of 100 who leave, or of 100 who come in.", examples=[7])


class Reached(BaseModel):
    """An occupation that people commonly reach."""

    code: str = Field(examples=["19"])
    title: str = Field(examples=["Managers and administrators, n.e.c."])
    moves: int = Field(description="One or two.", examples=[2])
    via: str | None = Field(description="The occupation in between, of two moves.", examples=["Waiters and waitresses"])


class Occupation(OccupationName):
    """What the model says of people with three years in an occupation, and nothing else known."""

    stay_of_100: int = Field(description="Still in it a year later, of 100.", examples=[81])
    out_of_work_of_100: int = Field(description="Without a job a year later, of 100.", examples=[6])
    steady: str = Field(description="How often people stay, by thirds of all occupations.")
    next: list[Step] = Field(description="Where those go who leave.")
    feeders: list[Step] = Field(description="Where those come from who come in.")
    similar: list[OccupationName] = Field(description="The most similar ones, by the model's own vectors.")
    reachable: list[Reached] = Field(description="Occupations that people commonly reach in one move or two.")


class OccupationAnswer(Answer):
    """One occupation."""

    occupation: Occupation


class TitlesRequest(Strict):
    """Job titles as people write them."""

    titles: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1, max_length=100, examples=[["Sr. line cook", "RN"]]
    )


class Candidate(BaseModel):
    """An occupation that a title may mean."""

    code: str = Field(examples=["436"])
    title: str = Field(examples=["Cooks"])
    confidence: float = Field(description="How sure it is, 0 to 1.", examples=[0.93])


class CodedTitle(BaseModel):
    """A title and what it may mean."""

    said: str = Field(examples=["Sr. line cook"])
    code: str | None = Field(description="Null where no occupation is sure enough.", examples=["436"])
    title: str = Field(examples=["Cooks"])
    confidence: float = Field(examples=[0.93])
    candidates: list[Candidate]


class TitlesAnswer(Answer):
    """The titles, in their order."""

    titles: list[CodedTitle]


class ModelFacts(BaseModel):
    """What a model is and what it learnt from."""

    name: str = Field(examples=["nlsy"])
    kind: str = Field(examples=["nemo"])
    dataset: str = Field(examples=["NLSY97"])
    careers: int = Field(description="Careers that it learnt from.", examples=[9000])
    records: int = Field(examples=[120_000])
    taxonomy: str = Field(examples=["occ1990dd"])
    occupations: int = Field(examples=[333])
    audited: bool = Field(description="Whether it was measured how much it repeats of single careers.")


class ModelsAnswer(BaseModel):
    """The models that answer here."""

    models: list[ModelFacts]


class Health(BaseModel):
    """Whether the server lives, or is ready to answer."""

    status: Literal["ok", "starting"] = "ok"


class Person(Strict):
    """A member of a group."""

    career: Career
    group: str = Field("all", min_length=1, max_length=80, description="Group that the person is in.")


class GroupRequest(Ahead):
    """People to count, at least ten in each group."""

    people: list[Person] = Field(min_length=1)
    draws: int = Field(200, ge=1, strict=True, description="Simulated futures of the group.", examples=[200])


class Count(BaseModel):
    """How many of a group are somewhere."""

    title: str = Field(description="Occupation, or group of occupations.", examples=["Cooks"])
    count: int = Field(description="Expected number of people.", examples=[12])
    low: int | None = Field(description="5 % quantile over simulated futures; null for all others.", examples=[8])
    high: int | None = Field(description="95 % quantile.", examples=[16])


class GroupYear(BaseModel):
    """One year of a group."""

    year: int = Field(examples=[2027])
    at_work: Count
    occupations: list[Count] = Field(description="The most frequent ones; all others last.")
    groups: list[Count]


class OneGroup(BaseModel):
    """The years ahead of a group."""

    group: str = Field(examples=["all"])
    people: int = Field(examples=[30])
    years: list[GroupYear]


class GroupAnswer(Answer):
    """The groups, in the order in which they come."""

    groups: list[OneGroup]
    holds: str = Field(description="What the ranges hold.", examples=["draws"])
    notes: list[str]

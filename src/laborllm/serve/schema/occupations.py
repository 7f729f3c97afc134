"""Occupations, and job titles that are coded into them."""

from typing import Annotated

from pydantic import BaseModel, Field

from laborllm.serve.schema.base import Answer, Strict


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

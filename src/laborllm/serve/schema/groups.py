"""Groups of people, and how many of them are where."""

from pydantic import BaseModel, Field

from laborllm.serve.schema.base import Answer, Strict
from laborllm.serve.schema.careers import Career
from laborllm.serve.schema.forecasts import Ahead, Draws


class Person(Strict):
    """A member of a group."""

    career: Career
    group: str = Field("all", min_length=1, max_length=80, description="Group that the person is in.")


class GroupRequest(Ahead):
    """People to count, at least ten in each group."""

    people: list[Person] = Field(min_length=1)
    draws: Draws = Field(200, description="Simulated futures of the group.", examples=[200])


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

"""Forecasts, simulations and what-ifs: whom and how far, and people of a hundred."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from laborllm.serve.schema.base import Answer, Strict
from laborllm.serve.schema.careers import Career, Year

Draws = Annotated[int, Field(ge=100, multiple_of=100, strict=True)]


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
    """How far and how finely to look ahead.

    Few draws, or many sets of them, would tell how often what is rarer than one of a hundred occurs.
    """

    horizon: int = Field(10, ge=1, strict=True, description="Years ahead.", examples=[5])
    draws: Draws = Field(1000, description="Simulated careers of each person.", examples=[1000])
    seed: int = Field(0, ge=0, lt=10, strict=True, description="Which of ten sets of draws.")
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

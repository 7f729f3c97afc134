"""The model that answers, and whether the server lives."""

from typing import Literal

from pydantic import BaseModel, Field


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

"""What all bodies have in common: unknown fields are refused, and every answer says what it is not for."""

from pydantic import BaseModel, ConfigDict, Field

USE = (
    "A description of people with careers like this one, not a guarantee for anybody, and not for selecting, ranking "
    "or judging people."
)


class Strict(BaseModel):
    """A body whose unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class Answer(BaseModel):
    """What every answer holds."""

    model: str = Field(description="Name of the model.", examples=["nlsy"])
    use: str = Field(default=USE, description="What it must not be used for.")

"""An example of each call's body, of people who do not exist: in the description of the API and on its page."""

from typing import Any

from fastapi import Body

COOK: dict[str, Any] = {
    "records": [
        {"year": 2022, "title": "Dishwasher", "education": "high school", "region": "south"},
        {"year": 2023, "title": "Line cook", "education": "high school", "region": "south"},
        {"year": 2024, "title": "Line cook", "education": "high school", "region": "south"},
    ],
    "birth_year": 1996,
}
NURSE = {**COOK, "records": [*COOK["records"][:2], {**COOK["records"][2], "title": "Registered nurse"}]}

FORECAST = {"careers": [COOK]}
SIMULATE = {"careers": [COOK], "horizon": 3, "draws": 200}
WHAT_IF = {"career": COOK, "other": NURSE, "horizon": 3, "draws": 200}
GROUP = {"people": [{"career": COOK}] * 12, "horizon": 3, "draws": 100}
TITLES = {"titles": ["Sr. line cook", "RN"]}

BODIES: dict[str, dict[str, Any]] = {
    "/v1/forecast": FORECAST,
    "/v1/simulate": SIMULATE,
    "/v1/what-if": WHAT_IF,
    "/v1/group": GROUP,
    "/v1/titles": TITLES,
}
"""Path to body."""


def example(path: str, words: str) -> Any:
    """The body of a call, with its example. `words`: what the example is, in a few words."""
    return Body(openapi_examples={"example": {"summary": words, "value": BODIES[path]}})

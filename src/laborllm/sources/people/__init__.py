"""People to forecast, by the ways one has them."""

from laborllm.sources.people.options import PeopleOptions
from laborllm.sources.people.read_people import People, read_people

__all__ = ["People", "PeopleOptions", "read_people"]

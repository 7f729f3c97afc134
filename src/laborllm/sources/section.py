"""One level of a YAML file whose scalars are all text, which knows where it stands so that its errors can say so."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

import yaml

from laborllm.errors import SourceError
from laborllm.occupations.crosswalk import normal_code
from laborllm.sources.formats.text import plain

NOTHING = ("", "~", "null")  # how YAML writes no value


class Section:
    """Settings `name: value` of a mapping file, and where they stand."""

    def __init__(self, where: str, content: object) -> None:
        if not isinstance(content, dict):
            raise SourceError(f"{where}: expected lines of 'name: value', found {_shown(content)}")
        self.where = where
        self.content: dict[str, object] = content

    @classmethod
    def load(cls, path: Path) -> Self:
        """The settings of a file. Raises `SourceError` if it is not readable YAML."""
        if not path.is_file():
            raise SourceError(f"no mapping file at {path}")
        try:
            content = yaml.load(path.read_text("utf-8-sig"), Loader=yaml.BaseLoader)  # every scalar stays text
        except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
            raise SourceError(f"{path.name} is not readable YAML: {plain(str(error))}") from error
        return cls(path.name, content)

    def require_keys(self, required: Iterable[str], optional: Iterable[str]) -> None:
        required, known = list(required), [*required, *optional]
        for key in self.content:
            if key not in known:
                raise SourceError(f"{self.where}: unknown entry {key!r}; use {', '.join(known)}")
        for key in required:
            if key not in self.content:
                raise SourceError(f"{self.where}: the entry {key!r} is missing")

    def text(self, key: str, default: str | None = None) -> str:
        value = self.content.get(key, default)
        if not isinstance(value, str) or value in NOTHING:
            raise SourceError(f"{self.where}: {key} must be a text, not {_shown(value)}")
        if not value.isprintable():
            raise SourceError(f"{self.where}: {key} must be a plain line, without control characters")
        return value

    def one_of(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        """A text that must be one of those allowed."""
        return require_one_of(self, key, self.text(key, default), allowed)

    def codes(self, key: str) -> frozenset[str]:
        """A list of codes, as `normal_code` writes them."""
        return frozenset(normal_code(value) for value in self.texts(key))

    def texts(self, key: str) -> list[str]:
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise SourceError(f"{self.where}: {key} must be a list such as [1, 2], not {_shown(value)}")
        return value

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def section(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> "Section":
        """The settings under `key`. A bare text stands for only the column: `worker: id`."""
        value = self.content[key]
        if isinstance(value, str) and value not in NOTHING and "column" in required:
            value = {"column": value}
        section = Section(f"{self.where}: {key}", value)
        section.require_keys(required, optional)
        return section

    def recoding(self, key: str) -> dict[str, str | None] | None:
        """The map of values under `key`: code -> text, or None for missing."""
        if key not in self.content:
            return None
        pairs = Section(f"{self.where}: {key}", self.content[key])
        recoding: dict[str, str | None] = {}
        for value, text in pairs.content.items():
            if not isinstance(text, str):
                raise SourceError(f"{pairs.where}: {value} must become a text, not {_shown(text)}")
            if normal_code(value) in recoding:
                raise SourceError(f"{pairs.where}: the value {value} is listed twice")
            recoding[normal_code(value)] = None if text in NOTHING else plain(text)
        return recoding


def require_one_of(section: Section, what: str, value: str, allowed: Iterable[str]) -> str:
    """`value`, if it is allowed. Raises `SourceError`."""
    if value not in allowed:
        raise SourceError(f"{section.where}: unknown {what} {value!r}; use {', '.join(allowed)}")
    return value


def _shown(value: object) -> str:
    if value is None or value in NOTHING:
        return "nothing"
    kinds: dict[type, str] = {list: "a list", dict: "lines of 'name: value'"}
    return kinds.get(type(value), repr(value))

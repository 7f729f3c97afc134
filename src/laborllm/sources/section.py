"""One level of a YAML file whose scalars are all text, which knows where it stands so that its errors can say so."""

from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import Any, Self

import yaml

from laborllm.errors import SourceError
from laborllm.occupations.crosswalk import normal_code
from laborllm.sources.formats.text import plain

LONGEST = 1_000  # letters of a name or a value
NOTHING = ("", "~", "null")  # how YAML writes no value


class UniqueKeys:
    """Part of a YAML loader: an entry given twice is an error, where YAML libraries take the last one silently."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping of a node.

        Args:
            node: The node.
            deep: Construct what is in it at once.

        Returns:
            Its keys and values.

        Raises:
            yaml.YAMLError: A key is given twice.
        """
        seen = set[str]()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise yaml.YAMLError(f"line {key.start_mark.line + 1} gives the entry {key.value!r} a second time")
            seen.add(key.value)
        return super().construct_mapping(node, deep)  # type: ignore[misc, no-any-return]


class _Texts(UniqueKeys, yaml.BaseLoader):
    """Every scalar stays text, and is short enough for the one line that an error may show it in."""

    def construct_scalar(self, node: yaml.ScalarNode) -> str:
        text: str = super().construct_scalar(node)
        if len(text) > LONGEST:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"line {line} has a text of {len(text):,} letters, where {LONGEST:,} is the most")
        return text


class Section:
    """Settings `name: value` of a mapping file, and where they stand."""

    def __init__(self, where: str, content: object) -> None:
        if not isinstance(content, dict):
            raise SourceError(f"{where}: expected lines of 'name: value', found {_shown(content)}")
        self.where = where
        self.content: dict[str, object] = content

    @classmethod
    def load(cls, path: Path, what: str = "mapping") -> Self:
        """Read the settings of a YAML file.

        Args:
            path: The file.
            what: What kind of file it is, for the error.

        Returns:
            The settings.

        Raises:
            SourceError: It is not there, no readable YAML, or has a text of more than `LONGEST` letters.
        """
        if not path.is_file():
            raise SourceError(f"no {what} file at {path}")
        try:
            content = yaml.load(path.read_text("utf-8-sig"), Loader=_Texts)
        except (yaml.YAMLError, ValueError, OSError, RecursionError) as error:
            raise SourceError(f"{path.name} is not readable YAML: {plain(str(error))}") from error
        return cls(path.name, content)

    def require_keys(self, required: Iterable[str], optional: Iterable[str]) -> None:
        """Check that all settings that must be there are, and no unknown one.

        Args:
            required: Names that must be there.
            optional: Names that may be there.

        Raises:
            SourceError: One is missing or unknown.
        """
        required, known = list(required), [*required, *optional]
        for key in self.content:
            if key not in known:
                raise SourceError(f"{self.where}: unknown entry {key!r}; use {', '.join(known)}")
        for key in required:
            if key not in self.content:
                raise SourceError(f"{self.where}: the entry {key!r} is missing")

    def text(self, key: str, default: str | None = None) -> str:
        """The text of a setting.

        Args:
            key: Name of the setting.
            default: The text where it is not there; None: it must be there.

        Returns:
            The text.

        Raises:
            SourceError: It is missing, or no plain line of text.
        """
        value = self.content.get(key, default)
        if not isinstance(value, str) or value in NOTHING:
            raise SourceError(f"{self.where}: {key} must be a text, not {_shown(value)}")
        if not value.isprintable():
            raise SourceError(f"{self.where}: {key} must be a plain line, without control characters")
        return value

    def one_of(self, key: str, allowed: Iterable[str], default: str | None = None) -> str:
        """The text under a key, which must be one of those allowed.

        Args:
            key: Name of the setting.
            allowed: What it may be.
            default: What it is where the key is not there; None: the key must be there.

        Returns:
            The text.

        Raises:
            SourceError: It is missing, or another one.
        """
        return require_one_of(self, key, self.text(key, default), allowed)

    def codes(self, key: str) -> frozenset[str]:
        """A list of codes, as `normal_code` writes them."""
        return frozenset(normal_code(value) for value in self.texts(key))

    def texts(self, key: str) -> list[str]:
        """The texts of a setting that is a list.

        Args:
            key: Name of the setting.

        Returns:
            The texts; none where the key is not there.

        Raises:
            SourceError: It is no list of texts.
        """
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
            raise SourceError(f"{self.where}: {key} must be a list such as [1, 2], not {_shown(value)}")
        return value

    def __contains__(self, key: str) -> bool:
        return key in self.content

    def section(self, key: str, required: Iterable[str], optional: Iterable[str] = ()) -> "Section":
        """The settings under a key. A bare text stands for only the column: `worker: id`.

        Args:
            key: Name of the setting.
            required: Names that must be there.
            optional: Names that may be there.

        Returns:
            The settings.

        Raises:
            SourceError: A name that is missing or unknown.
        """
        value = self.content[key]
        if isinstance(value, str) and value not in NOTHING and "column" in required:
            value = {"column": value}
        section = Section(f"{self.where}: {key}", value)
        section.require_keys(required, optional)
        return section

    def recoding(self, key: str) -> dict[str, str | None] | None:
        """The map of values under a key.

        Args:
            key: Name of the setting.

        Returns:
            Code -> text, or None for missing; None where the key is not there.

        Raises:
            SourceError: A value that becomes no text, or is listed twice.
        """
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
    """Check that a value is one of those allowed.

    Args:
        section: Where it stands, for the error.
        what: What it is, for the error.
        value: The value.
        allowed: What it may be.

    Returns:
        The value.

    Raises:
        SourceError: It is another one.
    """
    if value not in allowed:
        raise SourceError(f"{section.where}: unknown {what} {value!r}; use {', '.join(allowed)}")
    return value


def _shown(value: object) -> str:
    if value is None or value in NOTHING:
        return "nothing"
    kinds: dict[type, str] = {list: "a list", dict: "lines of 'name: value'"}
    return kinds.get(type(value), repr(value))

"""What people call a job, as an occupation of the taxonomy of a model."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from laborllm.occupations import Taxonomy
from laborllm.occupations.coding import TitleCoder, load_coder
from laborllm.occupations.coding.words import state_named
from laborllm.occupations.taxonomy import COARSER, STATES

LISTED, STATE = "title of the taxonomy", "state"
UNSURE = 0.1  # a candidate that is less sure than this is no suggestion


@dataclass(frozen=True)
class Coded:
    """A title and its occupation; no code where none is sure enough.

    Attributes:
        said: The title as written.
        code: Of the occupation, or None.
        title: Of the occupation, or "".
        confidence: How sure the code is, 0 to 1.
        match: How it was found.
    """

    said: str
    code: str | None
    title: str
    confidence: float
    match: str


@dataclass(frozen=True, eq=False, repr=False)
class Titles:
    """Codes titles into a taxonomy: its own titles and codes are known, others are coded where a coder is there.

    Attributes:
        taxonomy: The occupations of a model.
        coder: For titles that are not in the taxonomy; None where laborllm has none for it.
    """

    taxonomy: Taxonomy
    coder: TitleCoder | None

    @classmethod
    def of(cls, taxonomy: Taxonomy) -> "Titles":
        """The titles of a taxonomy, with the coder that comes with laborllm where it codes into that taxonomy."""
        return cls(taxonomy, load_coder() if taxonomy.name == "occ1990dd" else None)

    def read(self, said: str) -> Coded:
        """The occupation of a title."""
        if (code := self._listed.get(plain(said))) is not None:
            return Coded(said, code, self.taxonomy.title(code), 1.0, LISTED)
        if (code := self._state(said)) is not None:
            return Coded(said, code, self.taxonomy.title(code), 1.0, STATE)
        return self._coded(said)

    def candidates(self, said: str, count: int = 5) -> list[Coded]:
        """The occupations that a title may mean, the surest first.

        Args:
            said: The title as written.
            count: How many at most.
        """
        first = self.read(said)
        if self.coder is None or first.match in (LISTED, STATE):
            return [first] if first.code else []
        found = [(code, sure) for code, sure in self.coder.candidates(said, count) if code in self.taxonomy.position]
        return [Coded(said, code, self.taxonomy.title(code), sure, first.match) for code, sure in found]

    def suggest(self, typed: str, count: int = 8) -> list[str]:
        """Titles of the taxonomy that a few typed letters may lead to.

        Args:
            typed: The letters.
            count: How many at most.
        """
        letters = plain(typed)
        if not letters:
            return []
        begins = [title for plain, title in self._plain_titles if plain.startswith(letters)]
        within = [title for plain, title in self._plain_titles if f" {letters}" in plain]
        coded = [found.title for found in self.candidates(typed) if found.confidence >= UNSURE]
        return list(dict.fromkeys([*begins, *within, *coded]))[:count]

    def _state(self, said: str) -> str | None:
        """The state of the taxonomy that a title names, as "laid off in 2025" does, or a coarser one that holds it."""
        state = state_named(said)
        known = self.taxonomy.position
        return next((code for code in (state, COARSER.get(state or "")) if code in known), None)

    @lru_cache(maxsize=4096)  # noqa: B019, one coder a server
    def _coded(self, said: str) -> Coded:
        if self.coder is None:
            return Coded(said, None, "", 0.0, "")
        ((_, code, confidence, match),) = self.coder.code([said]).rows()
        if code not in self.taxonomy.position:
            return Coded(said, None, "", confidence, match)
        return Coded(said, code, self.taxonomy.title(code), confidence, match)

    @cached_property
    def _listed(self) -> dict[str, str]:
        """Plain title, and plain code, to code; a state that the taxonomy does not tell apart to the coarser one."""
        known = self.taxonomy.position
        coarser = {state: code for state, code in COARSER.items() if state not in known and code in known}
        by_state = {plain(said): code for state, code in coarser.items() for said in (state, STATES[state])}
        by_code = {plain(code): code for code in self.taxonomy.codes}
        return by_state | by_code | {plain(self.taxonomy.title(code)): code for code in self.taxonomy.codes}

    @cached_property
    def _plain_titles(self) -> list[tuple[str, str]]:
        return [(plain(title), title) for title in self.taxonomy.titles]

    def by_group(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Each group of the taxonomy with the codes and titles in it."""
        rows = list(zip(self.taxonomy.codes, self.taxonomy.titles, self.taxonomy.groups, strict=True))
        for group in dict.fromkeys(self.taxonomy.groups):
            yield group, [(code, title) for code, title, member_of in rows if member_of == group]


def plain(title: str) -> str:
    """Words of letters and figures in lower case, by which titles are compared."""
    return " ".join("".join(character if character.isalnum() else " " for character in title.casefold()).split())

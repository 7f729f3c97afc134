"""Question 12: what a model's vectors of occupations know of their kinship."""

from pathlib import Path

import numpy as np
import polars as pl

from laborllm.evaluation.arrays import Numbers
from laborllm.models.contract import HasVectors
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel
from laborllm.privacy import SMALLEST_CELL
from laborllm.report.figures import occupation_map
from laborllm.report.numbers import count, number, p_value, share
from laborllm.report.table import Table
from laborllm.studies.protocol.question import Answer, Question, verdict
from laborllm.studies.protocol.runs import Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.questions.common import figure
from laborllm.studies.questions.distances import rank_agreement, read_distances

MODEL = "career"
NEAREST = 5
SHUFFLES = 1000
FEWEST = 20  # training records of an occupation
SHOWN = 12  # occupations whose nearest are listed


def _runs(study: Study) -> list[Scores]:
    return [study.scores(MODEL, panel) for panel in study.panels]


def _answer(study: Study) -> Answer:
    rows, brought, tables, figures, found = [], [], {}, {}, []
    for name in study.panels:
        model = study.cache.model(study.fit(MODEL, name))
        assert isinstance(model, HasVectors)
        vectors = np.asarray(model.occupation_vectors(), dtype=np.float64)
        panel = study.panel(name)
        known = _known(panel)
        groups = np.array(panel.taxonomy.groups)[known]
        similar = similarity(vectors[known])
        agrees, by_chance, p = group_agreement(similar, groups)
        rows.append((name, str(len(known)), share(agrees), share(by_chance), p_value(p)))
        tables[f"{name}-nearest"] = _nearest(name, similar, panel.taxonomy, known)
        figures[name] = figure(
            occupation_map, _map(vectors[known], panel.taxonomy, known), f"{name}: {MODEL}'s vectors."
        )
        found.append((name, agrees, by_chance, p))
        if study.file.distances is not None:
            near = read_distances(Path(study.file.distances), panel.taxonomy.codes)[np.ix_(known, known)]
            brought.append((name, *_agreement(similar, near)))
    header = ("panel", "occupations", f"of {NEAREST} nearest in the same group", "by chance", "p")
    named = f"Occupations with {FEWEST} training records, of {SMALLEST_CELL} workers, or more"
    note = f"{named}; chance and p from {SHUFFLES} shuffles of the groups."
    tables["agreement"] = Table(f"Vectors of {MODEL} and major groups", header, tuple(rows), note)
    if brought:
        columns = ("panel", "pairs", "rank correlation with nearness", "p")
        about = (
            f"Spearman's correlation of the cosine of vectors with nearness, over pairs; p from {SHUFFLES} shuffles."
        )
        tables["distances"] = Table(f"Vectors of {MODEL} and the distances given", columns, tuple(brought), about)
    refused = [p < 0.05 for *_, p in found]
    holds = True if all(refused) else None if any(refused) else False
    why = "; ".join(f"{share(agrees)} against {share(chance)} by chance on {name}" for name, agrees, chance, _ in found)
    return Answer(verdict(holds, f"{why}."), tables, figures)


def _known(panel: Panel) -> list[int]:
    """Columns of the occupations that may be named, the most frequent first: of 20 training records or more, and of
    workers enough."""
    trained = panel.subset("train").observed().records.group_by("occupation", maintain_order=True)
    counts = trained.agg(pl.len(), pl.col("worker").n_unique()).sort("len", descending=True, maintain_order=True)
    enough = counts.filter(pl.col("len") >= FEWEST, pl.col("worker") >= SMALLEST_CELL)
    return [panel.taxonomy.position[code] for code in enough["occupation"]]


def similarity(vectors: Numbers) -> Numbers:
    """Cosines between vectors less their mean, (k, k); those with themselves are minus infinity."""
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.finfo(float).tiny)
    found = np.asarray(unit @ unit.T, dtype=np.float64)
    np.fill_diagonal(found, -np.inf)
    return found


def group_agreement(similar: Numbers, groups: np.ndarray) -> tuple[float, float, float]:
    """The share of nearest occupations in the same group; its mean, and the p-value, with groups shuffled."""
    nearest = np.argsort(-similar, axis=1, kind="stable")[:, :NEAREST]
    agrees = float((groups[nearest] == groups[:, None]).mean())
    generator = np.random.default_rng(0)
    shuffled = np.empty(SHUFFLES)
    for at in range(SHUFFLES):
        drawn = generator.permutation(groups)
        shuffled[at] = (drawn[nearest] == drawn[:, None]).mean()
    return agrees, float(shuffled.mean()), float((1 + (shuffled >= agrees).sum()) / (1 + SHUFFLES))


def _agreement(similar: Numbers, near: Numbers) -> tuple[str, str, str]:
    pairs, correlation, p = rank_agreement(similar, near, shuffles=SHUFFLES)
    return count(pairs), number(correlation), p_value(p)


def _nearest(name: str, similar: Numbers, taxonomy: Taxonomy, known: list[int]) -> Table:
    rows = []
    for at in range(min(SHOWN, len(known))):
        order = np.argsort(-similar[at], kind="stable")[:3]
        rows.append((taxonomy.titles[known[at]], *(taxonomy.titles[known[other]] for other in order)))
    header = ("occupation", "nearest", "second", "third")
    return Table(f"{name}: the nearest of the most frequent occupations", header, tuple(rows), words=(0, 1, 2, 3))


def _map(vectors: Numbers, taxonomy: Taxonomy, known: list[int]) -> pl.DataFrame:
    """The first two principal components."""
    centred = vectors - vectors.mean(axis=0)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    place = left[:, :2] * size[:2]
    titles, groups = ([values[at] for at in known] for values in (taxonomy.titles, taxonomy.groups))
    return pl.DataFrame({"title": titles, "group": groups, "x": place[:, 0], "y": place[:, 1]})


QUESTION = Question(
    number=12,
    name="vectors",
    title="Do vectors of occupations know their kinship?",
    claim="Representations learnt from careers place related occupations near each other.",
    paper="no single figure",
    rule="Replicates if on every panel more of the five nearest occupations are of the same major group than with "
    "groups shuffled (p below 0.05), not if on none.",
    runs=_runs,
    answer=_answer,
)

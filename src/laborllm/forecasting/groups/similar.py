"""Occupations that a model takes for similar: those whose vectors point the same way."""

import numpy as np
import polars as pl

from laborllm.errors import RunError, TaxonomyError
from laborllm.forecasting.groups.own_tables import codes_and_number
from laborllm.forecasting.groups.steps import require_listed
from laborllm.models.contract import Fitted, HasVectors


def similar_occupations(
    model: Fitted, code: str, *, top: int = 10, distance: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The occupations most similar to one by the model's own vectors of occupations.

    The similarity is the cosine between vectors less their mean. What a career model knows of an occupation is who
    comes to it and where they go, so occupations are similar if people in them move alike, whatever the work is.

    Args:
        model: A fitted model that has a vector for each occupation: one over codes, or a mixture with such a member.
        code: The occupation.
        top: How many others to list.
        distance: Distances of the user's own, such as between O*NET profiles: columns code, other and distance, in
            either direction.

    Returns:
        Columns code, title, group and similarity (-1 to 1), the most similar first; with `distance`, the column
        distance, null where it is not known.

    Raises:
        TaxonomyError: The taxonomy of the model has no such code.
        RunError: The model has no vectors.
        OptionError: A number of occupations below zero.
        InputError: `distance` lacks a column, or holds no numbers.

    Examples:
        >>> import laborllm as ll
        >>> fitted = ll.fit("transition", ll.import_synthetic(workers=200))
        >>> ll.similar_occupations(fitted, "95", top=3).columns
        ['code', 'title', 'group', 'similarity']
    """
    if not isinstance(model, HasVectors):
        raise RunError(f"the model {model.spec.name} has no vectors of occupations: use one over codes, such as nemo")
    taxonomy = model.record.taxonomy
    if code not in taxonomy.position:
        raise TaxonomyError(f"taxonomy {taxonomy.name} has no occupation with code {code!r}")
    require_listed(top)
    vectors = model.occupation_vectors()
    centred = vectors - vectors.mean(axis=0)
    unit = centred / np.maximum(np.linalg.norm(centred, axis=1, keepdims=True), np.finfo(float).tiny)
    similarity = unit @ unit[taxonomy.position[code]]
    columns = {"code": taxonomy.codes, "title": taxonomy.titles, "group": taxonomy.groups, "similarity": similarity}
    others = pl.DataFrame(columns).filter(pl.col("code") != code)
    found = others.sort("similarity", descending=True, maintain_order=True).head(top)
    return found if distance is None else _with_distance(found, code, distance)


def _with_distance(found: pl.DataFrame, code: str, distance: pl.DataFrame) -> pl.DataFrame:
    pairs = codes_and_number(distance, "distances", ("code", "other", "distance"))
    both = pl.concat([pairs, pairs.select(code="other", other="code", distance="distance")])
    to_others = both.filter(pl.col("code") == code).select(code="other", distance="distance").unique("code")
    return found.join(to_others, on="code", how="left", maintain_order="left")

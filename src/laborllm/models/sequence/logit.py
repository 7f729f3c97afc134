"""Two-stage multinomial logit on hand-made features, the econometric baseline of CAREER (arXiv 2202.08370).

The score of occupation k, like the score of staying, is a sum of fixed effects,

    z_k = b_k + sum_f W^f[x_f, k],

one for each value x_f of each feature f: the last occupation and the one before it, year, education, gender, ethnicity,
region, birth year, years since the record before, position in the career, records in the last occupation, and whether
education changed. CAREER has position and tenure as numbers; here each value has its own effect.
"""

from collections.abc import Mapping

from laborllm.models.sequence.inputs.embeddings import FixedEffects


def logit_network(sizes: Mapping[str, int], occupations: int) -> FixedEffects:
    """The fixed effects of the logit: a `Batch` to scores (n, J + 1), for J occupations and covariates with `sizes`
    indexes."""
    last_two = dict.fromkeys(("previous", "before_previous"), occupations + 1)
    return FixedEffects(last_two | dict(sizes), occupations + 1)

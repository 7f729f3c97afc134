"""Two-stage multinomial logit on hand-made features, the econometric baseline of CAREER (arXiv 2202.08370).

The score of occupation k, and that of staying, is a sum of fixed effects,

    z_k = b_k + sum_f W^f[x_f, k],

one for each value x_f of each feature f: the last occupation and the one before it, year, education, gender, ethnicity,
region, birth year, years since the record before, position in the career, records in the last occupation, and whether
education changed. CAREER has position and tenure as numbers; here each value has its own effect.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from torch import nn

from laborllm.models.sequence.embeddings import FixedEffects
from laborllm.models.sequence.model import SequenceModel
from laborllm.models.sequence.plans import LogitPlan
from laborllm.training.plan import Plan


@dataclass
class Logit(SequenceModel):
    """plan: how to train; weight decay and the early end keep the effects small."""

    name: ClassVar[str] = "logit"

    plan: Plan = field(default_factory=LogitPlan)

    def network(self, sizes: Mapping[str, int], classes: int) -> nn.Module:
        occupations = dict.fromkeys(("previous", "before_previous"), classes + 1)
        return FixedEffects(occupations | dict(sizes), classes + 1)

"""What the questions about language models have in common: few careers on a CPU, all of them on a GPU."""

from laborllm.lm.tuning.config import TuningConfig
from laborllm.models.language.specs import LanguageModel
from laborllm.studies.protocol.runs import Fit, Scores
from laborllm.studies.protocol.study import Study
from laborllm.studies.protocol.versions import Sampled, Version
from laborllm.text import Template
from laborllm.text.titles import Titles

ON_A_GPU = TuningConfig(epochs=2, batch_size=16, learning_rate=6e-4, method="full", validate_every=2667)
VALIDATION = 64  # careers that choose the best weights; of few, an eighth as many


def learnt_from(study: Study) -> Version:
    """The training careers that a language model reads."""
    first = Version(study.first)
    return first if study.size.careers is None else first + Sampled(study.size.careers)


def tested_on(study: Study) -> Version:
    """The test workers on whom language models are compared."""
    first = Version(study.first)
    return first if study.size.scored is None else first + Sampled(study.size.scored, split="test")


def tuned(study: Study, titles: Titles = "literal") -> Fit:
    """A base model tuned on careers with titles of a kind."""
    careers = study.size.careers
    training = ON_A_GPU if careers is None else TuningConfig(validate_every=max(1, careers // 2))
    valid = VALIDATION if careers is None else min(VALIDATION, max(1, careers // 8))
    spec = LanguageModel(study.file.base, Template(titles=titles), valid_careers=valid, training=training)
    return Fit(f"tuned-{titles}", spec, learnt_from(study), study.seed)


def scored(study: Study, fit: Fit, *, whole: bool = False) -> Scores:
    """What a language model says of the test workers on whom they are compared.

    Args:
        study: The study.
        fit: The fit of the language model.
        whole: Keep whole distributions; else the log-likelihoods of what was observed.
    """
    return Scores(fit, tested_on(study), whole=whole)

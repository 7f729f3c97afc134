"""laborllm: forecasts of a worker's next occupation from the career so far.

import laborllm as ll

panel = ll.import_nlswork()
fitted = ll.fit("transition", panel)
next_year = ll.forecast(fitted, panel, year=1989)
"""

from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from laborllm.api import (
        fit,
        forecast,
        import_synthetic,
        load,
        out_of_fold,
        people_futures,
        read_panel,
        unknown_values,
    )
    from laborllm.auditing.membership import Audit, audit
    from laborllm.evaluation import Evaluation, evaluate
    from laborllm.forecasting.backtests.backtest import Backtest, backtest
    from laborllm.forecasting.export import write_forecast
    from laborllm.forecasting.frequencies import natural_frequencies, next_frequencies
    from laborllm.forecasting.groups.common_error import CommonError
    from laborllm.forecasting.groups.mobility import Mobility, mobility, typical_careers
    from laborllm.forecasting.groups.shares import group_shares
    from laborllm.forecasting.groups.similar import similar_occupations
    from laborllm.forecasting.groups.steps import feeders, next_steps, reachable, typical_wages
    from laborllm.forecasting.simulation.education import EducationByModel, EducationChain
    from laborllm.forecasting.simulation.result import Difference, Simulation
    from laborllm.forecasting.simulation.simulate import simulate
    from laborllm.forecasting.simulation.two_years import two_years_ahead
    from laborllm.forecasting.simulation.versions import if_records_said
    from laborllm.forecasting.simulation.what_if import what_if
    from laborllm.lm.scoring.options import ScoringOptions
    from laborllm.lm.tuning.config import TuningConfig
    from laborllm.models.counts.specs import Transition
    from laborllm.models.forecasts.forecast import Forecast
    from laborllm.models.language.specs import EmbeddingLogit, LanguageModel, OffTheShelf, TitleHead
    from laborllm.models.mixture.specs import Mixture
    from laborllm.models.oracle import Oracle
    from laborllm.models.sequence.specs import BagOfJobs, Career, Logit, Nemo
    from laborllm.occupations import Taxonomy, load_taxonomy
    from laborllm.panel import Panel
    from laborllm.sources import (
        People,
        PeopleOptions,
        ResumeOptions,
        import_nlswork,
        import_nlsy79,
        import_nlsy97,
        import_psid,
        import_query,
        import_resumes,
        import_table,
        read_people,
    )
    from laborllm.text import Template
    from laborllm.training.config import TrainingConfig

PLACES = {
    "api": (
        "fit",
        "forecast",
        "import_synthetic",
        "load",
        "out_of_fold",
        "people_futures",
        "read_panel",
        "unknown_values",
    ),
    "auditing.membership": ("Audit", "audit"),
    "evaluation": ("Evaluation", "evaluate"),
    "forecasting.backtests.backtest": ("Backtest", "backtest"),
    "forecasting.frequencies": ("natural_frequencies", "next_frequencies"),
    "forecasting.groups.common_error": ("CommonError",),
    "forecasting.groups.mobility": ("Mobility", "mobility", "typical_careers"),
    "forecasting.groups.shares": ("group_shares",),
    "forecasting.groups.similar": ("similar_occupations",),
    "forecasting.groups.steps": ("feeders", "next_steps", "reachable", "typical_wages"),
    "forecasting.simulation.education": ("EducationByModel", "EducationChain"),
    "forecasting.simulation.result": ("Difference", "Simulation"),
    "forecasting.simulation.simulate": ("simulate",),
    "forecasting.simulation.two_years": ("two_years_ahead",),
    "forecasting.simulation.versions": ("if_records_said",),
    "forecasting.simulation.what_if": ("what_if",),
    "forecasting.export": ("write_forecast",),
    "lm.scoring.options": ("ScoringOptions",),
    "lm.tuning.config": ("TuningConfig",),
    "models.counts.specs": ("Transition",),
    "models.forecasts.forecast": ("Forecast",),
    "models.language.specs": ("EmbeddingLogit", "LanguageModel", "OffTheShelf", "TitleHead"),
    "models.mixture.specs": ("Mixture",),
    "models.oracle": ("Oracle",),
    "models.sequence.specs": ("BagOfJobs", "Career", "Logit", "Nemo"),
    "occupations": ("Taxonomy", "load_taxonomy"),
    "panel": ("Panel",),
    "sources": (
        "People",
        "PeopleOptions",
        "ResumeOptions",
        "import_nlswork",
        "import_nlsy79",
        "import_nlsy97",
        "import_psid",
        "import_query",
        "import_resumes",
        "import_table",
        "read_people",
    ),
    "text": ("Template",),
    "training.config": ("TrainingConfig",),
}
"""Where each name of the public API is defined; a module is imported when one of its names is first used (PEP 562)."""

__version__ = version("laborllm")
__all__ = [
    "Audit",
    "Backtest",
    "BagOfJobs",
    "Career",
    "CommonError",
    "Difference",
    "EducationByModel",
    "EducationChain",
    "EmbeddingLogit",
    "Evaluation",
    "Forecast",
    "LanguageModel",
    "Logit",
    "Mixture",
    "Mobility",
    "Nemo",
    "OffTheShelf",
    "Oracle",
    "Panel",
    "People",
    "PeopleOptions",
    "ResumeOptions",
    "ScoringOptions",
    "Simulation",
    "Taxonomy",
    "Template",
    "TitleHead",
    "TrainingConfig",
    "Transition",
    "TuningConfig",
    "audit",
    "backtest",
    "evaluate",
    "feeders",
    "fit",
    "forecast",
    "group_shares",
    "if_records_said",
    "import_nlswork",
    "import_nlsy79",
    "import_nlsy97",
    "import_psid",
    "import_query",
    "import_resumes",
    "import_synthetic",
    "import_table",
    "load",
    "load_taxonomy",
    "mobility",
    "natural_frequencies",
    "next_frequencies",
    "next_steps",
    "out_of_fold",
    "people_futures",
    "reachable",
    "read_panel",
    "read_people",
    "similar_occupations",
    "simulate",
    "two_years_ahead",
    "typical_careers",
    "typical_wages",
    "unknown_values",
    "what_if",
    "write_forecast",
]


def __getattr__(name: str) -> Any:
    for module, names in PLACES.items():
        if name in names:
            return getattr(import_module(f"laborllm.{module}"), name)
    raise AttributeError(f"module 'laborllm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

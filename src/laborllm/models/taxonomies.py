"""Where a model and a panel meet: it forecasts over the taxonomy of its fit, from careers as long as it knows, and
brings along who was held out."""

import polars as pl

from laborllm.errors import RunError
from laborllm.models.contract import Forecaster
from laborllm.models.forecasts.forecast import Forecast
from laborllm.models.forecasts.saved import SavedForecast
from laborllm.models.runs.lineage import Lineage
from laborllm.models.runs.run_folder import FitRecord
from laborllm.models.scored import WithScoring
from laborllm.occupations import Taxonomy
from laborllm.panel import Panel, over
from laborllm.panel.files.store import Careers


def taxonomy_of(model: Forecaster | Forecast, careers: Careers) -> Taxonomy:
    """The taxonomy that a model forecasts over: of its fit or its file, or else of the careers it is given."""
    match model:
        case Forecast():
            return model.taxonomy
        case SavedForecast():
            return model.saved.taxonomy
        case WithScoring():
            return taxonomy_of(model.forecaster, careers)
    record = getattr(model, "record", None)
    return record.taxonomy if isinstance(record, FitRecord) else careers.taxonomy


def lineage_of(model: Forecaster) -> Lineage:
    """The splits behind a fitted model, or behind the one that saved forecasts are of; none behind a forecaster that
    does not say what it was fitted on."""
    match model:
        case SavedForecast():
            return model.lineage
        case WithScoring():
            return lineage_of(model.forecaster)
    record = getattr(model, "record", None)
    return record.lineage if isinstance(record, FitRecord) else Lineage()


def made_before(model: Forecaster | Forecast) -> Forecast | None:
    """The forecasts of what only gives them back; None for a model, which can make others."""
    match model:
        case Forecast():
            return model
        case SavedForecast():
            return model.saved
        case WithScoring():
            return made_before(model.forecaster)
    return None


def as_read(model: Forecaster, panel: Panel) -> Panel:
    """Careers with open records over the taxonomy of a model, and no longer than it reads them.

    Args:
        model: A forecaster.
        panel: The careers.

    Raises:
        PanelError: The panel has records of an occupation or a state that the model's taxonomy cannot express.
    """
    return as_long_as_read(model, over(panel, taxonomy_of(model, panel)))


def as_long_as_read(model: Forecaster, panel: Panel) -> Panel:
    """Careers with open records, without the observed ones that are too long ago for a model: see `FitRecord`.

    Args:
        model: A forecaster.
        panel: The careers.
    """
    record = getattr(model.forecaster if isinstance(model, WithScoring) else model, "record", None)
    last = record.last_records if isinstance(record, FitRecord) else None
    if last is None:
        return panel
    since = pl.col("occupation").is_not_null().cast(pl.Int32).reverse().cum_sum().reverse().over("worker")
    return panel.part(panel.records.filter(since <= last))  # an open record has 0 observed ones from it on


def require_taxonomy(model: Forecaster, panel: Panel) -> None:
    """Raise `RunError` unless a model forecasts over the taxonomy of the panel, column by column."""
    ours, theirs = taxonomy_of(model, panel), panel.taxonomy
    if ours != theirs:
        raise RunError(
            f"the model forecasts over taxonomy {ours.name} with {len(ours)} occupations, the panel has {theirs.name} "
            f"with {len(theirs)} or other titles",
            hint="import the panel with the same --states",
        )

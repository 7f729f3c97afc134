"""The verb that fits a model, with one sub-verb per model. Defaults are those of the models; a test compares them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from laborllm.cli.options import SMOLLM2, Base, PanelFile, RunOut, Seed, Titles, Vocabulary
from laborllm.lm.recipe import Recipe

if TYPE_CHECKING:
    from laborllm.models.contract import OccupationModel

RECIPE = Recipe()

HEAD_RECIPE = Recipe(batch_size=4, learning_rate=1e-3, text_weight=0.0)

ValidCareers = Annotated[int, Parameter(help="How many validation careers watch the training.")]
Careers = Annotated[int | None, Parameter(help="Train on this many careers, drawn at random; else on all.")]

fit = App(name="fit", help="Fit an occupation model on the train split of a panel, and write a run folder.")


@fit.command(name="transition")
def fit_transition(
    panel: PanelFile,
    /,
    *,
    out: RunOut,
    variant: Annotated[
        Literal["two-part", "plain"],
        Parameter(help="Stay rates apart from moves, or one smoothed table of transitions."),
    ] = "two-part",
    careers: Careers = None,
    seed: Seed = 0,
) -> None:
    """Count who went where: transition frequencies, shrunk to what is common. Takes a second.

    Example: `laborllm fit transition nlswork.parquet --out runs/transition`
    """
    from laborllm.models.transition import Transition

    _fit(Transition(variant=variant), panel, out, seed, careers)


@fit.command(name="truth")
def fit_truth(panel: PanelFile, /, *, out: RunOut, seed: Seed = 0) -> None:
    """Take the law that a synthetic panel was drawn from: what no model beats on it but by luck.

    Example: `laborllm fit truth synthetic.parquet --out runs/truth`
    """
    from laborllm.models.truth import Truth

    _fit(Truth(), panel, out, seed)


@fit.command(name="off-the-shelf")
def fit_off_the_shelf(
    panel: PanelFile,
    /,
    *,
    out: RunOut,
    base: Base = SMOLLM2,
    titles: Titles = "literal",
    seed: Seed = 0,
) -> None:
    """Take a base model as it comes: no weight is changed, and the run folder remembers the panel's taxonomy.

    Example: `laborllm fit off-the-shelf nlswork.parquet --out runs/off-the-shelf`
    """
    from laborllm.models.off_the_shelf import OffTheShelf

    _fit(OffTheShelf(base=base, titles=titles), panel, out, seed)


@fit.command(name="language-model")
def fit_language_model(
    panel: PanelFile,
    /,
    *,
    out: RunOut,
    base: Base = SMOLLM2,
    titles: Titles = "literal",
    vocabulary: Vocabulary = "whole",
    careers: Careers = None,
    valid_careers: ValidCareers = 64,
    recipe: Annotated[Recipe, Parameter(name="*")] = RECIPE,
    seed: Seed = 0,
) -> None:
    """Fine-tune a base model on career texts. Takes minutes to hours; the weights of the best validation are kept.

    Example: `laborllm fit language-model nlswork.parquet --careers 500 --out runs/language-model`
    """
    from laborllm.models.language_model import LanguageModel

    model = LanguageModel(base=base, titles=titles, vocabulary=vocabulary, valid_careers=valid_careers, recipe=recipe)
    _fit(model, panel, out, seed, careers)


@fit.command(name="title-head")
def fit_title_head(
    panel: PanelFile,
    /,
    *,
    out: RunOut,
    base: Base = SMOLLM2,
    titles: Titles = "literal",
    careers: Careers = None,
    valid_careers: ValidCareers = 256,
    recipe: Annotated[Recipe, Parameter(name="*")] = HEAD_RECIPE,
    seed: Seed = 0,
) -> None:
    """Fine-tune a base model with a head over the closed set of titles: all probabilities of a career in one pass.

    Example: `laborllm fit title-head nlswork.parquet --careers 500 --out runs/title-head`
    """
    from laborllm.models.title_head import TitleHead

    _fit(TitleHead(base=base, titles=titles, valid_careers=valid_careers, recipe=recipe), panel, out, seed, careers)


def _fit(model: "OccupationModel", panel: Path, out: Path, seed: int, careers: int | None = None) -> None:
    from laborllm.panel import Panel
    from laborllm.storage import require_free

    require_free(out)  # found out before the training, not after
    loaded = Panel.load(panel)
    used = loaded if careers is None else loaded.with_training(careers, seed=seed)
    model.fit(used, seed=seed).save(out)

"""The verb that fits a model, with one sub-verb per model. Defaults are those of the models; a test compares them."""

from dataclasses import KW_ONLY, asdict, dataclass
from json import dumps
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from laborllm.cli.curves import CURVE, draw_curves
from laborllm.cli.options import (
    EVERY_OPTION,
    SMOLLM2,
    TEMPLATE,
    AsJson,
    Base,
    ConfigFile,
    PanelFile,
    RunOut,
    Seed,
    TitlesAs,
    Vocabulary,
    Written,
)
from laborllm.lm.tuning.recipe import HeadRecipe, Recipe
from laborllm.models.sequence.plans import BagOfJobsPlan, CareerPlan, LogitPlan, NemoPlan

if TYPE_CHECKING:
    from laborllm.models.contract import OccupationModel
    from laborllm.models.language.dry_run import Rehearsal
    from laborllm.panel import Panel

RECIPE = Recipe()
HEAD_RECIPE = HeadRecipe()
LOGIT, BAG_OF_JOBS, NEMO, CAREER = LogitPlan(), BagOfJobsPlan(), NemoPlan(), CareerPlan()

ValidCareers = Annotated[int, Parameter(help="How many validation careers watch the training.")]
Layers = Annotated[int, Parameter(help="Layers of the network.")]
Width = Annotated[int, Parameter(help="Numbers in a vector.")]
Dropout = Annotated[float, Parameter(help="Share of numbers hidden in training, from 0 to below 1.")]


@Parameter(name="*")
@dataclass(frozen=True)
class Fit:
    """What every fit is told beside its model."""

    panel: PanelFile
    _: KW_ONLY
    out: RunOut
    seed: Seed = 0
    config: ConfigFile = None


@Parameter(name="*")
@dataclass(frozen=True)
class Training(Fit):
    """The same where a part of the training careers will do."""

    careers: Annotated[int | None, Parameter(help="Train on this many careers, drawn at random; else on all.")] = None


@Parameter(name="*")
@dataclass(frozen=True)
class LanguageModelOptions:
    """What decides a fine-tuned language model, for its fit and for the rehearsal of it."""

    base: Base = SMOLLM2
    template: Written = TEMPLATE
    title_tokens: TitlesAs = "spelled"
    vocabulary: Vocabulary = "whole"
    valid_careers: ValidCareers = 64
    recipe: Annotated[Recipe, Parameter(name="*")] = RECIPE


LANGUAGE_MODEL = LanguageModelOptions()

fit = App(
    name="fit",
    help="Fit an occupation model on the train split of a panel, and write a run folder.",
    default_parameter=EVERY_OPTION,
)


@fit.command(name="transition")
def fit_transition(
    task: Training,
    *,
    variant: Annotated[
        Literal["two-part", "plain", "second-order"],
        Parameter(
            help="Stay rates apart from moves, one smoothed table of transitions, or the last two occupations together."
        ),
    ] = "two-part",
) -> None:
    """Count who went where: transition frequencies, shrunk to what is common. Takes a second.

    Example: `laborllm fit transition nlswork.parquet --out runs/transition`
    """
    from laborllm.models.counts.transition import Transition

    _fit(Transition(variant=variant), task)


@fit.command(name="truth")
def fit_truth(task: Fit) -> None:
    """Take the law that a synthetic panel was drawn from: what no model beats on it but by luck.

    Example: `laborllm fit truth synthetic.parquet --out runs/truth`
    """
    from laborllm.models.oracle import Truth

    _fit(Truth(), task)


@fit.command(name="logit")
def fit_logit(
    task: Training,
    *,
    plan: Annotated[LogitPlan, Parameter(name="*")] = LOGIT,
) -> None:
    """Fit a two-stage multinomial logit on the last two occupations, the covariates and the history. Takes a minute.

    Example: `laborllm fit logit nlswork.parquet --out runs/logit`
    """
    from laborllm.models.sequence.logit import Logit

    _fit(Logit(plan=plan), task)


@fit.command(name="bag-of-jobs")
def fit_bag_of_jobs(
    task: Training,
    *,
    width: Width = 256,
    dropout: Dropout = 0.5,
    plan: Annotated[BagOfJobsPlan, Parameter(name="*")] = BAG_OF_JOBS,
) -> None:
    """Fit a model of the last occupation and the mean of all earlier ones. Takes a minute.

    Example: `laborllm fit bag-of-jobs nlswork.parquet --out runs/bag-of-jobs`
    """
    from laborllm.models.sequence.bag_of_jobs import BagOfJobs

    _fit(BagOfJobs(plan=plan, width=width, dropout=dropout), task)


@fit.command(name="nemo")
def fit_nemo(
    task: Training,
    *,
    layers: Layers = 1,
    width: Width = 256,
    dropout: Dropout = 0.5,
    plan: Annotated[NemoPlan, Parameter(name="*")] = NEMO,
) -> None:
    """Fit a recurrent network (LSTM) over careers. Takes minutes.

    Example: `laborllm fit nemo nlswork.parquet --out runs/nemo`
    """
    from laborllm.models.sequence.nemo import Nemo

    _fit(Nemo(plan=plan, layers=layers, width=width, dropout=dropout), task)


@fit.command(name="career")
def fit_career(
    task: Training,
    *,
    layers: Layers = 2,
    width: Width = 128,
    heads: Annotated[int, Parameter(help="Heads of the attention.")] = 4,
    dropout: Dropout = 0.5,
    pretrained: Annotated[
        Path | None, Parameter(help="Run folder of a career model of another panel, whose weights are begun with.")
    ] = None,
    titles: Annotated[
        str | None, Parameter(help="Base model whose reading of the titles is what occupations begin with.")
    ] = None,
    plan: Annotated[CareerPlan, Parameter(name="*")] = CAREER,
) -> None:
    """Fit CAREER, a transformer over careers. Takes minutes. As in the paper: --layers 12 --width 192 --heads 3.

    Example: `laborllm fit career nlswork.parquet --out runs/career`
    """
    from laborllm.models.sequence.career import Career

    begun = None if pretrained is None else str(pretrained)
    model = Career(plan=plan, layers=layers, width=width, heads=heads, dropout=dropout, pretrained=begun, titles=titles)
    _fit(model, task)


@fit.command(name="off-the-shelf")
def fit_off_the_shelf(
    task: Fit,
    *,
    base: Base = SMOLLM2,
    template: Written = TEMPLATE,
    title_list: Annotated[bool, Parameter(help="Begin every prompt with the list of valid titles.")] = False,
    examples: Annotated[
        int, Parameter(help="Show this many careers of the training split before each, drawn at random.")
    ] = 0,
) -> None:
    """Take a base model as it comes: no weight is changed, and the run folder remembers the panel's taxonomy.

    With examples, it also remembers which careers they are, by number, and reads them from the panel file when used.

    Example: `laborllm fit off-the-shelf nlswork.parquet --title-list --examples 3 --out runs/off-the-shelf`
    """
    from laborllm.models.language.off_the_shelf import OffTheShelf

    file = task.panel if examples else None
    model = OffTheShelf(base=base, template=template, title_list=title_list, examples=examples, panel_file=file)
    _fit(model, task)


@fit.command(name="language-model")
def fit_language_model(
    task: Training,
    *,
    options: LanguageModelOptions = LANGUAGE_MODEL,
) -> None:
    """Fine-tune a base model on career texts. Takes minutes to hours; the weights of the best validation are kept.

    The same command goes on with a fit that was interrupted.

    Example: `laborllm fit language-model nlswork.parquet --careers 500 --out runs/language-model`
    """
    from laborllm.models.language.language_model import LanguageModel

    _fit(LanguageModel(**vars(options)), task)


def validate(
    task: Training,
    *,
    options: LanguageModelOptions = LANGUAGE_MODEL,
    json: AsJson = False,
) -> None:
    """Rehearse `fit language-model`: read and check everything, take three steps, say what the fit will take. Writes
    nothing.

    Example: `laborllm validate nlswork.parquet --preset paper --out runs/language-model`
    """
    from laborllm.models.language.dry_run import rehearse
    from laborllm.models.language.language_model import LanguageModel

    found = rehearse(LanguageModel(**vars(options)), _training_panel(task), seed=task.seed)
    print(dumps(asdict(found) | {"out": str(task.out)}, indent=1) if json else _described(found, task.out))


@fit.command(name="title-head")
def fit_title_head(
    task: Training,
    *,
    base: Base = SMOLLM2,
    template: Written = TEMPLATE,
    title_tokens: TitlesAs = "spelled",
    layers: Annotated[
        int | None, Parameter(help="Read with the first so many layers of the base model alone; else with all.")
    ] = None,
    begin: Annotated[
        Path | None,
        Parameter(
            help="Run folder of the model whose forecasts training begins with, any that was fitted on the same split, "
            "but not beside `--last-records`; else two-part transition frequencies."
        ),
    ] = None,
    dropout: Dropout = 0.2,
    without_memories: Annotated[
        bool,
        Parameter(help="Leave out which titles were held before, and how recently; the text alone tells it then."),
    ] = False,
    teacher: Annotated[
        Path | None,
        Parameter(
            help="Run folder of a model, any that was fitted on the same split, or file of forecasts: what it says of "
            "the training records is learnt beside what was observed."
        ),
    ] = None,
    teacher_weight: Annotated[
        float | None, Parameter(help="Share of the loss that `--teacher` has, from 0 to 1; 0.5 unless given.")
    ] = None,
    valid_careers: ValidCareers = 256,
    recipe: Annotated[HeadRecipe, Parameter(name="*")] = HEAD_RECIPE,
) -> None:
    """Fine-tune a base model with a head over the closed set of titles: all probabilities of a career in one pass.

    Example: `laborllm fit title-head nlswork.parquet --careers 500 --out runs/title-head`
    """
    from laborllm.models.language.title_head import TitleHead

    model = TitleHead(
        base=base,
        template=template,
        title_tokens=title_tokens,
        layers=layers,
        begin=None if begin is None else str(begin),
        dropout=dropout,
        without_memories=without_memories,
        teacher=None if teacher is None else str(teacher),
        teacher_weight=teacher_weight,
        valid_careers=valid_careers,
        recipe=recipe,
    )
    _fit(model, task)


@fit.command(name="embedding-logit")
def fit_embedding_logit(
    task: Training,
    *,
    base: Base = SMOLLM2,
    template: Written = TEMPLATE,
    pooling: Annotated[
        Literal["last", "mean"], Parameter(help="The hidden state of a prompt's last token, or the mean over all.")
    ] = "last",
    likelihood: Annotated[
        Literal["multinomial", "two-stage"],
        Parameter(help="One choice among all occupations, or staying or moving first and then where to."),
    ] = "multinomial",
) -> None:
    """Fit a multinomial logit on what a frozen base model makes of each career so far. Takes minutes to hours.

    Example: `laborllm fit embedding-logit nlswork.parquet --careers 500 --out runs/embedding-logit`
    """
    from laborllm.models.language.embedding_logit import EmbeddingLogit

    model = EmbeddingLogit(base=base, template=template, pooling=pooling, likelihood=likelihood)
    _fit(model, task)


@fit.command(name="mixture")
def fit_mixture(
    members: Annotated[list[Path], Parameter(help="Run folders, and files of forecasts, two or more.")],
    panel: PanelFile,
    /,
    *,
    out: RunOut,
    weights: Annotated[
        Literal["constant", "varying"],
        Parameter(help="The same weights for all records, or such as vary with what is known of a record's history."),
    ] = "constant",
    seed: Seed = 0,
    config: ConfigFile = None,
) -> None:
    """Mix fitted models, with the weights under which the validation split is most likely.

    A file of forecasts takes part for the records that it has. The members stay where they are: the run folder
    remembers them and is refused once one has changed.

    Example: `laborllm fit mixture runs/transition language-model.parquet nlswork.parquet --out runs/mixture`
    """
    from laborllm.models.mixture.mixture import Mixture

    _fit(Mixture(members, weights=weights), Fit(panel, out=out, seed=seed, config=config))


def _fit(model: "OccupationModel", task: Fit) -> None:
    model.fit(_training_panel(task), seed=task.seed, out=task.out).save(task.out)
    if (task.out / CURVE).is_file():
        _show_training(task.out)


def _training_panel(task: Fit) -> "Panel":
    from laborllm.panel import Panel
    from laborllm.storage import require_free

    require_free(task.out)  # found out before the training, not after
    panel = Panel.load(task.panel)
    careers = task.careers if isinstance(task, Training) else None
    return panel if careers is None else panel.with_training(careers, seed=task.seed)


def _described(found: "Rehearsal", out: Path) -> str:
    lines = {
        "data": f"{found.careers:,} training careers of {found.tokens:,} tokens, {found.valid_careers:,} that watch",
        "context": f"the longest career has {found.longest:,} tokens, the model reads {found.context:,}",
        "training": f"{found.steps:,} steps of {found.trained:,} weights, {found.looks:,} looks at validation",
        "time": f"about {found.seconds / 60:,.0f} minutes, at {found.tokens_per_second:,.0f} tokens/s",
        "memory": f"{found.memory / 1e6:,.0f} MB so far",
        "checkpoints": f"two of {found.checkpoint / 1e6:,.0f} MB in {out}.training while it trains",
        "result": str(out),
    }
    return "\n".join(f"{name:<12}{text}" for name, text in lines.items())


def _show_training(run: Path) -> None:
    """Print what the training came to, and draw its learning curve into the run folder."""
    from laborllm.training.curve import best_point, read_curve
    from laborllm.training.processes import Processes

    if not Processes().is_main:
        return
    curve = read_curve(run / CURVE)
    best, last = best_point(curve), curve[-1]
    print(
        f"{last.careers:,} careers, {last.tokens:,} tokens in {last.seconds:,.0f} s: "
        f"{last.tokens / last.seconds:,.0f} tokens/s, none of them padding; "
        f"best validation perplexity {best.valid_perplexity:.4g}, after {best.careers:,} careers"
    )
    draw_curves({"validation": run}, run / "curve.svg")

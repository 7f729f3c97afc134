"""A fine-tuned language model for other programs: the layout of Hugging Face, and a card that says how to use it."""

import csv
import shutil
from pathlib import Path

from laborllm.errors import RunError
from laborllm.lm.base.own_tokens import rows_of
from laborllm.lm.base.weights import ADAPTER
from laborllm.models.language.language_model import VOCABULARY, FittedLanguageModel
from laborllm.models.language.specs import LanguageModel
from laborllm.models.runs.base_lineage import write_lineage
from laborllm.models.runs.card import model_card
from laborllm.models.runs.options import from_options
from laborllm.models.runs.run_folder import CARD, read_metadata, read_run
from laborllm.storage import new_folder, require_free
from laborllm.text.prompt_specification import prompt_specification

TITLES = "titles.csv"
KIND = "model"


def export_model(run: Path, out: Path, *, adapter: bool = False) -> None:
    """Write a fine-tuned language model for other programs, with its titles and a card that says how to use it.

    Args:
        run: Run folder of a language model.
        out: Folder to write, or one of an earlier export that nobody has changed.
        adapter: Write only the adapter, for `peft`; else the tuned weights with their tokenizer, for `transformers`.

    Raises:
        RunError: A run that is no language model, or has no adapter.
        StorageError: `out` holds anything else.
    """
    found = read_run(run)
    if found.model != LanguageModel.name:
        raise RunError(f"{run} holds the model {found.model}: a run of {LanguageModel.name} can be exported")
    if adapter and not (run / ADAPTER).is_dir():
        raise RunError(f"{run} was tuned in all its weights and has no adapter", hint="leave out --adapter")
    require_free(out, kind=KIND)
    model = FittedLanguageModel.load(found, from_options(LanguageModel, found.options, run))
    spec, record, base = model.spec, model.record, model.text_model.base
    write_lineage(base.model.config, base.tokenizer, record.lineage)
    with new_folder(out, kind=KIND) as folder:
        if adapter:
            shutil.copytree(run / ADAPTER, folder, dirs_exist_ok=True)
        else:
            base.model.save_pretrained(folder)
        base.tokenizer.save_pretrained(folder)
        _write_titles(folder / TITLES, record.taxonomy.codes, spec.template.title_texts(record.taxonomy))
        specification = prompt_specification(spec.template, record.taxonomy, record.dataset)
        how = {"How to write a prompt": specification}
        if (run / VOCABULARY).is_file():
            shutil.copy(run / VOCABULARY, folder)
            how["Closed vocabulary"] = CLOSED
        if spec.title_tokens == "own":
            rows = rows_of(base.model)
            how["Titles as tokens"] = OWN_TOKENS + (MAKE_ROOM.format(rows=rows) if adapter else "")
        card = model_card(read_metadata(run), how)
        (folder / CARD).write_text(_front_matter(spec.base, adapter) + card)


CLOSED = f"""\
The fit predicted among the tokens of `{VOCABULARY}` only. Take the softmax over these to have its probabilities; over
the whole vocabulary every title has less."""

OWN_TOKENS = """\
The tokenizer that comes with the model writes each title, from the space that begins it to the newline that ends it, as
one token: the probability of a title is the probability of its token. Prompts are written as above."""
MAKE_ROOM = """\
 The base
model has no rows for them: make room with `model.resize_token_embeddings({rows})` before you load the adapter."""


def _write_titles(path: Path, codes: tuple[str, ...], texts: tuple[str, ...]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(("code", "title"))
        writer.writerows(zip(codes, texts, strict=True))


def _front_matter(base: str, adapter: bool) -> str:
    """What model hubs read of a card."""
    library = "peft" if adapter else "transformers"
    return f"---\nlibrary_name: {library}\nbase_model: {base}\npipeline_tag: text-generation\n---\n\n"

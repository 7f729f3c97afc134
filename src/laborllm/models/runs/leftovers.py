"""What a fit leaves beside its run folder where it is killed after that is whole, and before it has tidied up."""

from contextlib import suppress
from glob import escape
from pathlib import Path

from laborllm.errors import StorageError
from laborllm.training.folder import training_folder


def remove_checkpoints(run: Path) -> None:
    """Remove the checkpoints of the training that became a run folder, and those of its cycles; all else stays.

    Args:
        run: The run folder, which is whole.
    """
    folders = [training_folder(run), *run.parent.glob(f"{escape(run.name)}.cycle-*.training")]
    for folder in filter(Path.is_dir, folders):
        from laborllm.training.checkpoint import Checkpoints  # brings torch, which few need who load a run

        with suppress(StorageError):  # it holds another's files too
            Checkpoints(folder, {}).remove()

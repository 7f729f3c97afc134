"""A panel larger than memory is made in parts, each checked as a panel of its own, and joined on disk.

Every check of a panel concerns one record or at the records of one worker, so parts of whole workers are checked whole.
"""

from pathlib import Path

import polars as pl

from laborllm.panel.facts import Provenance, provenance_as_metadata
from laborllm.storage import new_file


def join_panels(parts: list[Path], path: Path, provenance: Provenance) -> None:
    """Join panel files into one without holding them in memory.

    Args:
        parts: Panel files of one taxonomy and dataset, in ascending order of their workers, none of them in two.
        path: The file to write.
        provenance: Where the records of all parts are from.
    """
    own = {key: value for key, value in pl.read_parquet_metadata(parts[0]).items() if key.startswith("laborllm.")}
    about = own | provenance_as_metadata(provenance)
    with new_file(path) as file:
        pl.scan_parquet(parts).sink_parquet(file, metadata=about)

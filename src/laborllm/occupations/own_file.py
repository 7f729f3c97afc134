"""Tables of codes that a user brings along: taxonomies and crosswalks in CSV files."""

import re
import unicodedata
from pathlib import Path

from laborllm.errors import TaxonomyError


def read_own(path: Path, what: str) -> str:
    """The text of a user's CSV file. Raises `TaxonomyError` if it is not there or not UTF-8."""
    if not path.is_file():
        raise TaxonomyError(f"no {what} file at {path}")
    try:
        return path.read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes().count(b"\n", 0, error.start) + 1
        raise TaxonomyError(f"{what} {path.name}, line {line}: not UTF-8; save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise TaxonomyError(f"cannot read {what} {path}: {error.strerror or error}") from error


def column_name(written: str) -> str:
    """The name of a column whatever its case, whichever keyboard wrote it, and with _ for blanks and hyphens.

    Of Turkish keyboards are a capital i with a point and a small one without.
    """
    letters = unicodedata.normalize("NFC", written.casefold().replace("i\u0307", "i").replace("\u0131", "i"))
    return re.sub(r"[\s_-]+", "_", letters.strip())

"""Write figures.json from the code as it is: `python tests/golden/write.py`, when numbers are meant to move."""

import os
import sys
from pathlib import Path

import pytest

if __name__ == "__main__":
    os.environ["GOLDEN"] = "write"
    sys.exit(pytest.main([str(Path(__file__).parent), "--quiet"]))

"""What a command uses: `python used.py LOG COMMAND ...` prints the seconds of the processor and the megabytes it took.

It is a process of its own because Linux counts the memory of a parent as the peak of the child that it starts.
"""

import json
import os
import subprocess
import sys


def main(log: str, command: list[str]) -> int:
    """Run the command, with what it prints in `log`; returns its exit code."""
    with open(log, "w") as file:  # noqa: PTH123 (pathlib would add to the memory)
        process = subprocess.Popen(command, stdout=file, stderr=file)
        _, status, used = os.wait4(process.pid, 0)
    print(json.dumps({"seconds": used.ru_utime + used.ru_stime, "memory_mb": used.ru_maxrss / 1024}))
    return os.waitstatus_to_exitcode(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))

"""The verb that examines the machine."""

from dataclasses import asdict
from itertools import groupby
from json import dumps

from laborllm.cli.options import AsJson


def doctor(*, json: AsJson = False) -> None:
    """Say what this machine has for laborllm: packages, devices, memory, caches and what is in them, disk.

    It changes nothing and asks nobody. What is wrong is marked, with what to do about it.

    Example: `laborllm doctor`
    """
    from laborllm.doctor import examine

    findings = examine()
    if json:
        print(dumps([asdict(finding) for finding in findings]))
        return
    width = max(len(finding.name) for finding in findings)
    for part, group in groupby(findings, lambda finding: finding.part):
        print(part.capitalize())
        for finding in group:
            remedy = f"  <- {finding.remedy}" if finding.remedy else ""
            print(f"  {finding.name:{width}}  {finding.value}{remedy}")

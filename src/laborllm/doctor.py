"""What a machine has for laborllm: packages and whether they are recent enough, devices, memory, caches, disk."""

import os
import platform
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from laborllm.runtime import best_device, has_fast_bfloat16

GIGABYTE = 10**9
LITTLE_DISK = 5 * GIGABYTE  # free: a language model's checkpoints take some gigabytes
LITTLE_MEMORY = 4 * GIGABYTE


@dataclass(frozen=True)
class Finding:
    """One thing about the machine.

    Attributes:
        part: `packages`, `devices`, `memory`, `caches` or `disk`.
        name: What it is about.
        value: What was found.
        remedy: What to do about it; None where all is well.
    """

    part: str
    name: str
    value: str
    remedy: str | None = None


def examine() -> list[Finding]:
    """Look at this machine and change nothing.

    Returns:
        The findings, part by part.

    Examples:
        >>> from laborllm.doctor import examine
        >>> [finding.value for finding in examine() if finding.name == "laborllm"]
        ['0.1.0']
    """
    return [*_packages(), *_devices(), *_memory(), *_caches(), *_disk()]


def _packages() -> Iterator[Finding]:
    yield Finding("packages", "python", f"{platform.python_version()}, {platform.system()} {platform.machine()}")
    yield Finding("packages", "laborllm", version("laborllm"))
    extras: dict[str, list[str]] = {}
    for text in requires("laborllm") or []:
        asked = Requirement(text)
        if asked.marker is None or asked.marker.evaluate():
            yield _package(asked)
        elif extra := _extra(asked):
            extras.setdefault(extra, []).append(asked.name)
    for extra, names in extras.items():
        missing = [name for name in names if _version(name) is None]
        yield Finding("packages", f"extra {extra}", f"lacks {', '.join(missing)}" if missing else "installed")


def _package(asked: Requirement) -> Finding:
    found = _version(asked.name)
    wanted = f"install {asked.name}{asked.specifier}"
    if found is None:
        return Finding("packages", asked.name, "not installed", wanted)
    return Finding("packages", asked.name, found, None if asked.specifier.contains(found, True) else wanted)


def _extra(asked: Requirement) -> str | None:
    """The extra that asks for a package; None for the tools of development."""
    _, _, name = str(asked.marker).partition("extra == ")
    extra = name.strip("\"'")
    return None if extra == "dev" or asked.name == "laborllm" else extra


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _devices() -> Iterator[Finding]:
    import torch

    device = best_device()
    yield Finding("devices", "threads", f"{torch.get_num_threads()} of {os.cpu_count()} cores")
    if device.type == "cuda":
        about = torch.cuda.get_device_properties(device)
        yield Finding("devices", "GPU", f"{about.name}, {about.total_memory / GIGABYTE:.0f} GB")
    else:
        yield Finding("devices", "GPU", "none that torch can use")
    fast = has_fast_bfloat16(device)
    yield Finding("devices", "bfloat16", "fast: used for products" if fast else "slow: float32 is used for products")


def _memory() -> Iterator[Finding]:
    page = os.sysconf("SC_PAGE_SIZE")
    total, free = (page * os.sysconf(name) for name in ("SC_PHYS_PAGES", "SC_AVPHYS_PAGES"))
    remedy = "language models need more: models over codes do with this" if total < LITTLE_MEMORY else None
    yield Finding("memory", "of this machine", f"{total / GIGABYTE:.1f} GB, {free / GIGABYTE:.1f} GB unused", remedy)


def _caches() -> Iterator[Finding]:
    from huggingface_hub import constants

    from laborllm.lm.base.listing import user_cache

    for name, folder in (("laborllm", user_cache()), ("Hugging Face", Path(constants.HF_HUB_CACHE))):
        if not folder.is_dir():
            yield Finding("caches", name, f"{folder}: not there yet")
            continue
        held = {item.name: _size(item) for item in sorted(folder.iterdir()) if not item.name.startswith(".")}
        what = ", ".join(f"{item} {size / GIGABYTE:.2f} GB" for item, size in held.items())
        yield Finding("caches", name, f"{folder}: {what or 'empty'}")


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder, each counted once."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file() and not file.is_symlink())


def _disk() -> Iterator[Finding]:
    from laborllm.lm.base.listing import user_cache

    for name, folder in (("this folder", Path.cwd()), ("the cache", user_cache())):
        while not folder.is_dir():
            folder = folder.parent
        free = shutil.disk_usage(folder).free
        writable = os.access(folder, os.W_OK)
        remedy = f"make room at {folder}" if free < LITTLE_DISK else None
        value = f"{free / GIGABYTE:.1f} GB free{'' if writable else ', read-only'}"
        yield Finding("disk", name, value, remedy if writable else f"make {folder} writable")

"""The environment of torch: versions, threads, devices."""

from __future__ import annotations

from typing import Any, TypeAlias

import torch

__all__ = ["devices", "environment"]

Array: TypeAlias = Any


def environment(like: Array = None) -> dict[str, str]:
    """What bitwise reproducibility depends on: version, CPU threads and instructions, and the device of ``like``.

    >>> sorted(environment())
    ['device', 'instructions', 'threads', 'torch']
    """
    found = {
        "torch": torch.__version__,
        "threads": str(torch.get_num_threads()),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": "cpu" if like is None else like.device.type,
    }
    if found["device"] == "cuda":
        found |= {"device": torch.cuda.get_device_name(like.device), "CUDA": str(torch.version.cuda)}
    return found


def devices() -> list[str]:
    """One line for each available device.

    >>> devices()[0].split(":")[0]
    'cpu'
    """
    capability = torch.backends.cpu.get_cpu_capability()
    found = [f"cpu: {torch.get_num_threads()} threads, instructions {capability}"]
    reason = "no device found" if torch.version.cuda else "this torch is built without CUDA"
    found += [_gpu(i) for i in range(torch.cuda.device_count())] or [f"cuda: none, {reason}"]
    return found + (["mps: Apple's GPU"] if torch.backends.mps.is_available() else [])


def _gpu(number: int) -> str:
    card = torch.cuda.get_device_properties(number)
    half = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "no bfloat16"
    memory = f"{card.total_memory / 2**30:.0f} GiB"
    return f"cuda:{number}: {card.name}, {memory}, capability {card.major}.{card.minor}, {half}"

"""Peak memory: of tensors by the profiler of torch on the CPU and the allocator of CUDA, of arrays by tracemalloc."""

from __future__ import annotations

import tracemalloc

import torch


def peak_bytes_of_arrays(run):
    """How many bytes of NumPy arrays ``run()`` holds at its peak, above what was held before."""
    run()
    tracemalloc.start()
    try:
        run()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def peak_bytes(run, device="cpu"):
    """How many bytes of tensors ``run()`` holds at its peak, above what was held before; the same on each run."""
    if torch.device(device).type == "cuda":
        torch.cuda.synchronize(device)
        torch.cuda.reset_peak_memory_stats(device)
        before = torch.cuda.memory_allocated(device)
        run()
        torch.cuda.synchronize(device)
        return torch.cuda.max_memory_allocated(device) - before
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as profile:
        run()
    held = peak = 0
    for event in profile.profiler.kineto_results.events():
        if event.name() == "[memory]":
            held += event.nbytes()
            peak = max(peak, held)
    return peak

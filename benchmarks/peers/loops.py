"""Langevin loops written by hand: the textbook's over (n, 2) arrays, and the best that we know, over (2, n) buffers."""

from __future__ import annotations

import numpy as np
import torch

from benchmarks.langevin import MEANS, STEP, VARIANCE, plain_loop
from benchmarks.peers.mixture import Way


def numpy_plain(score) -> Way:
    return Way(lambda x, steps, seed: plain_loop(score, x, steps, np.random.default_rng(seed)))


def numpy_buffered() -> Way:
    """Along memory, every array made once, NumPy's fastest generator."""

    def run(x0, steps, seed):
        rng, x = np.random.Generator(np.random.SFC64(seed)), np.ascontiguousarray(x0.T)
        offsets = 0.5 * np.sum(MEANS**2, axis=1)[:, None]
        logits, drift, noise = np.empty((len(MEANS), x.shape[1])), np.empty_like(x), np.empty_like(x)
        column = np.empty(x.shape[1])
        for _ in range(steps):
            np.matmul(MEANS, x, out=logits)
            logits -= offsets
            logits *= 1 / VARIANCE
            logits -= np.max(logits, axis=0, out=column)
            np.exp(logits, out=logits)
            np.matmul(MEANS.T, logits, out=drift)
            drift /= np.sum(logits, axis=0, out=column)
            drift -= x
            drift *= 0.5 * STEP / VARIANCE
            rng.standard_normal(out=noise)
            noise *= np.sqrt(STEP)
            x += drift
            x += noise
        return x.T

    return Way(run)


def torch_plain(score, dtype=torch.float32) -> Way:
    @torch.no_grad()
    def run(x0, steps, seed):
        generator, x = torch.Generator().manual_seed(seed), torch.tensor(x0, dtype=dtype)
        for _ in range(steps):
            x = x + STEP / 2 * score(x) + STEP**0.5 * torch.randn(x.shape, generator=generator, dtype=dtype)
        return x.numpy()

    return Way(run)


def torch_buffered(dtype=torch.float32) -> Way:
    """Along memory, every tensor made once."""
    means = torch.tensor(MEANS, dtype=dtype)
    offsets = -0.5 * (means * means).sum(1, keepdim=True)

    @torch.no_grad()
    def run(x0, steps, seed):
        generator, x = torch.Generator().manual_seed(seed), torch.tensor(x0.T, dtype=dtype).contiguous()
        logits, drift, noise = x.new_empty(len(means), x.shape[1]), torch.empty_like(x), torch.empty_like(x)
        column = x.new_empty(x.shape[1])
        for _ in range(steps):
            torch.addmm(offsets, means, x, out=logits).mul_(1 / VARIANCE)
            logits.sub_(torch.amax(logits, 0, out=column)).exp_()
            torch.mm(means.T, logits, out=drift).div_(torch.sum(logits, 0, out=column)).sub_(x)
            x.add_(drift, alpha=0.5 * STEP / VARIANCE).add_(noise.normal_(generator=generator), alpha=STEP**0.5)
        return x.T.numpy()

    return Way(run)

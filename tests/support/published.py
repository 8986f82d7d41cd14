"""Checkpoints as the authors of NCSN, NCSNv2 and NCSN++ save them, with weights from a formula, and what they gave.

``published.json`` was recorded from small networks of the authors' own code (ermongroup/ncsn, ermongroup/ncsnv2 and
yang-song/score_sde_pytorch, at the commits that it names): the names and shapes of their tensors in order, and the
output for the weights and the images below. Cases with a ``process`` hold a(t) times the authors' score at
x = a(t) x̄, where x̄ are the images, at the level sigma = std(t)/a(t), with DDPM's ᾱ in float64. Of the output it holds
the first four numbers of each image, the mean and the norm.
"""

from __future__ import annotations

import json
import math
import zlib
from pathlib import Path

import numpy as np
import torch

CASES = json.loads(Path(__file__).with_name("published.json").read_text())


def weight(name, shape):
    """Normal numbers that follow from the name, of a size that keeps the signal alive."""
    z = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
    if len(shape) == 1 or name.endswith("embed.weight"):
        return torch.tensor(0.5 + 0.3 * z, dtype=torch.float32)
    return torch.tensor(z / math.sqrt(math.prod(shape[1:])), dtype=torch.float32)


def images(case):
    x = np.random.default_rng(0).uniform(size=(2, case["channels"], case["side"], case["side"]))
    return torch.tensor(2 * x - 1 if case.get("centered") else x, dtype=torch.float32)


def levels(case):
    """The buffer ``sigmas`` of the authors' networks: their levels, in VP and sub-VP files those of the defaults."""
    noise = case.get("arguments", case).get("noise")
    return torch.tensor(np.geomspace(50, 0.01, *case["tensors"]["sigmas"]) if noise is None else noise)


def state(case, prefix="module."):
    """The state dict, as of a network inside ``DataParallel``."""
    return {
        prefix + name: levels(case) if name == "sigmas" else weight(name, shape)
        for name, shape in case["tensors"].items()
    }


def summary(output):
    flat = output.detach().double().flatten(1)
    return {"first": flat[:, :4].tolist(), "mean": float(flat.mean()), "norm": float(flat.norm())}


def checkpoint(case, *, averages=True):
    """What the authors' scripts give to ``torch.save``. Where there are averages, they hold the recorded weights."""
    weights = state(case)
    if case["kind"] == "ncsn":
        return [weights, {"state": {}, "param_groups": []}]
    moved = {name: value + 1 for name, value in weights.items() if name != "module.sigmas"}
    last = weights | moved if averages else weights
    if case["kind"] == "ncsnv2":
        trained = {name.removeprefix("module."): v for name, v in weights.items() if name != "module.sigmas"}
        return [last, {"state": {}, "param_groups": []}, 3, 1000, *([trained] if averages else [])]
    fixed = ("module.sigmas", "module.all_modules.0.W")
    last |= {name: weights[name] for name in fixed if name in weights}
    shadow = [value for name, value in weights.items() if name not in fixed]
    ema = {"decay": 0.999, "num_updates": 1000, "shadow_params": shadow if averages else []}
    return {"optimizer": {"state": {}, "param_groups": []}, "model": last, "ema": ema, "step": 1000}

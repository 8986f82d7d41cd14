"""The published NCSN++: settings of its VE models, and the names of their tensors in yang-song/score_sde_pytorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import torch

from scorekit.errors import CheckpointError, InvalidValueError
from scorekit.noise import Geometric
from scorekit_torch.networks.unet import UNet

__all__ = ["NCSNPP_CONFIGS", "averages", "ncsnpp_names"]

Array: TypeAlias = Any

_VE: dict[str, Any] = {
    "channels": 3,
    "base_channels": 128,
    "fir": True,
    "fourier_scale": 16.0,
    "divide_by_sigma": True,
    "rescale": True,
}
_SMALL = _VE | {"channel_mult": (1, 2, 2, 2), "num_res_blocks": 4, "progressive_input": "residual", "dropout": 0.1}
_LARGE = _VE | {
    "channel_mult": (1, 1, 2, 2, 2, 2, 2),
    "num_res_blocks": 2,
    "attention": (4,),
    "progressive_input": "input_skip",
    "progressive_output": "output_skip",
}
_LARGEST = _LARGE | {
    "base_channels": 16,
    "channel_mult": (1, 2, 4, 8, 16, 32, 32, 32),
    "num_res_blocks": 1,
    "attention": (6,),
}
_DISCRETE = {"embedding": "positional"}

#: Arguments of :class:`UNet` by the name of the authors' file of settings.
NCSNPP_CONFIGS: dict[str, dict[str, Any]] = {
    "cifar10_ncsnpp_continuous": _SMALL | {"attention": (1,)},
    "cifar10_ncsnpp_deep_continuous": _SMALL | {"attention": (1,), "num_res_blocks": 8},
    "cifar10_ncsnpp": _SMALL | _DISCRETE | {"attention": (1,), "noise": Geometric(50.0, 0.01, 1000)},
    "celeba_ncsnpp": _SMALL | _DISCRETE | {"attention": (2,), "noise": Geometric(90.0, 0.01, 1000)},
    "bedroom_ncsnpp_continuous": _LARGE,
    "church_ncsnpp_continuous": _LARGE,
    "celebahq_256_ncsnpp_continuous": _LARGE,
    "ffhq_256_ncsnpp_continuous": _LARGE,
    "celebahq_ncsnpp_continuous": _LARGEST,
    "ffhq_ncsnpp_continuous": _LARGEST,
}

_BLOCK = {
    "norm1": "GroupNorm_0",
    "conv1": "Conv_0",
    "embed": "Dense_0",
    "norm2": "GroupNorm_1",
    "conv2": "Conv_1",
    "shortcut": "Conv_2",
}
_ATTENTION = {"norm": "GroupNorm_0", "query": "NIN_0", "key": "NIN_1", "value": "NIN_2", "out": "NIN_3"}
_JOIN = {"input_skip": {"": "Conv_0"}, "residual": {"conv": "Conv2d_0"}}


def ncsnpp_names(network: UNet) -> dict[str, str]:
    """Their names by ours. They number the layers through: ``all_modules.0``, ``all_modules.1``, …

    Raises:
        ValueError: the network has DDPM blocks, or joins without the filter, as none of the published ones.
    """
    if network.block != "biggan" or not network.fir:
        raise InvalidValueError("only networks with block='biggan' and fir=True can be loaded, as all published ones.")
    theirs: dict[str, str] = {}
    for i, (path, inside) in enumerate(_layers(network)):
        for ours, name in inside.items():
            joined = f"all_modules.{i}.{name}" if name else f"all_modules.{i}"
            theirs[f"{path}.{ours}" if ours else path] = joined
    return {name: _tensor(name, theirs) for name in network.state_dict()}


def _tensor(name: str, theirs: Mapping[str, str]) -> str:
    if name in theirs:
        return theirs[name]
    layer, _, kind = name.rpartition(".")
    if "NIN" in theirs[layer]:
        kind = {"weight": "W", "bias": "b"}[kind]
    return f"{theirs[layer]}.{kind}"


def _layers(network: Any) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Our layers in their order, each with their names of what is inside."""
    whole = {"": ""}
    if network.embedding == "fourier":
        yield "embed", {"frequencies": "W"}
    yield from ((name, whole) for name in ("embed.linear1", "embed.linear2", "first"))
    for i, down in enumerate(network.down):
        for j in range(network.num_res_blocks):
            yield f"down.{i}.blocks.{j}", _BLOCK
            if down.attention:
                yield f"down.{i}.attention.{j}", _ATTENTION
        if hasattr(down, "halve"):
            yield f"down.{i}.halve", _BLOCK
        if hasattr(down, "join"):
            yield f"down.{i}.join", _JOIN[network.progressive_input]
    yield from (("middle1", _BLOCK), ("attend", _ATTENTION), ("middle2", _BLOCK))
    for i, up in enumerate(network.up):
        yield from ((f"up.{i}.blocks.{j}", _BLOCK) for j in range(network.num_res_blocks + 1))
        yield from ((f"up.{i}.attention.{j}", _ATTENTION) for j in range(len(up.attention)))
        if hasattr(up, "head"):
            yield from ((f"up.{i}.head.{part}", whole) for part in ("norm", "conv"))
        if hasattr(up, "enlarge"):
            yield f"up.{i}.enlarge", _BLOCK
    if hasattr(network, "head"):
        yield from ((f"head.{part}", whole) for part in ("norm", "conv"))


def averages(ema: Any, given: Mapping[str, Array], place: Path) -> dict[str, Array]:
    """The averaged weights by their names: they are saved in the order of the weights, without the fixed ones."""
    shadow = ema.get("shadow_params") if isinstance(ema, Mapping) else None
    if not isinstance(shadow, list) or not all(isinstance(value, torch.Tensor) for value in shadow):
        raise CheckpointError(f"{place} holds no averaged weights. Load the last ones: averaged=False.")
    trained = [name for name in given if name != "all_modules.0.W"]
    shapes = [tuple(given[name].shape) for name in trained]
    if shapes != [tuple(value.shape) for value in shadow]:
        raise CheckpointError(
            f"{place} holds {len(shadow)} averaged weights that do not fit its {len(trained)} weights. Load the last "
            "ones: averaged=False."
        )
    return dict(zip(trained, shadow, strict=True))

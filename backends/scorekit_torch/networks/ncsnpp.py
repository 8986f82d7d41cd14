"""The published NCSN++, DDPM++ and DDPM: settings, and names of tensors in yang-song/score_sde_pytorch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from scorekit.errors import InvalidValueError
from scorekit.noise import Geometric
from scorekit_torch.networks.unet import UNet

__all__ = ["NCSNPP_CONFIGS", "ncsnpp_names"]

_PLAIN: dict[str, Any] = {"channels": 3, "base_channels": 128, "channel_mult": (1, 2, 2, 2), "dropout": 0.1}
_VE = {"fir": True, "fourier_scale": 16.0, "divide_by_sigma": True, "rescale": True}
_NCSNPP = {"fir": True, "progressive_input": "residual", "num_res_blocks": 4, "attention": (1,)}
_DDPMPP = {"num_res_blocks": 4, "attention": (1,)}
_DDPM = {"block": "ddpm", "skip_rescale": False, "num_res_blocks": 2, "attention": (1,)}
_DEEP = {"num_res_blocks": 8}
_LARGE = _VE | {
    "channels": 3,
    "base_channels": 128,
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


def _discrete(sigma_max: float) -> dict[str, Any]:
    """A VE network that is told the index of its level."""
    return {"embedding": "positional", "noise": Geometric(sigma_max, 0.01, 1000)}


def _of(process: str) -> dict[str, Any]:
    """A network that is told a time, for images in [−1, 1]."""
    return _PLAIN | {"embedding": "positional", "process": process}


#: Arguments of :class:`UNet` by the authors' name of the checkpoint: the process, and the file of settings.
NCSNPP_CONFIGS: dict[str, dict[str, Any]] = {
    "ve/cifar10_ncsnpp_continuous": _PLAIN | _VE | _NCSNPP,
    "ve/cifar10_ncsnpp_deep_continuous": _PLAIN | _VE | _NCSNPP | _DEEP,
    "ve/cifar10_ncsnpp": _PLAIN | _VE | _NCSNPP | _discrete(50.0),
    "ve/celeba_ncsnpp": _PLAIN | _VE | _NCSNPP | _discrete(90.0) | {"attention": (2,)},
    "ve/bedroom_ncsnpp_continuous": _LARGE,
    "ve/church_ncsnpp_continuous": _LARGE,
    "ve/celebahq_256_ncsnpp_continuous": _LARGE,
    "ve/ffhq_256_ncsnpp_continuous": _LARGE,
    "ve/celebahq_ncsnpp_continuous": _LARGEST,
    "ve/ffhq_ncsnpp_continuous": _LARGEST,
    "vp/cifar10_ddpm": _of("ddpm") | _DDPM,
    "vp/cifar10_ddpm_continuous": _of("vp") | _DDPM,
    "vp/cifar10_ddpmpp": _of("ddpm") | _DDPMPP,
    "vp/cifar10_ddpmpp_continuous": _of("vp") | _DDPMPP,
    "vp/cifar10_ddpmpp_deep_continuous": _of("vp") | _DDPMPP | _DEEP,
    "vp/cifar10_ncsnpp": _of("ddpm") | _NCSNPP,
    "vp/cifar10_ncsnpp_continuous": _of("vp") | _NCSNPP,
    "vp/cifar10_ncsnpp_deep_continuous": _of("vp") | _NCSNPP | _DEEP,
    "subvp/cifar10_ddpm_continuous": _of("subvp") | _DDPM,
    "subvp/cifar10_ddpmpp_continuous": _of("subvp") | _DDPMPP,
    "subvp/cifar10_ddpmpp_deep_continuous": _of("subvp") | _DDPMPP | _DEEP,
    "subvp/cifar10_ncsnpp_continuous": _of("subvp") | _NCSNPP,
    "subvp/cifar10_ncsnpp_deep_continuous": _of("subvp") | _NCSNPP | _DEEP,
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
_BLOCKS = {
    "biggan": dict.fromkeys(("block", "halve", "enlarge"), _BLOCK),
    "ddpm": {"block": _BLOCK | {"shortcut": "NIN_0"}, "halve": {"conv.conv": "Conv_0"}, "enlarge": {"conv": "Conv_0"}},
}


def ncsnpp_names(network: UNet) -> dict[str, str]:
    """Their names by ours. They number the layers through: ``all_modules.0``, ``all_modules.1``, …

    Raises:
        ValueError: the network has DDPM blocks and the filter, as none of the published ones.
    """
    if network.block == "ddpm" and network.fir:
        raise InvalidValueError("a network with block='ddpm' and fir=True cannot be loaded: none is published.")
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
    whole, blocks = {"": ""}, _BLOCKS[network.block]
    joins = {"input_skip": {"": "Conv_0"}, "residual": {"conv": "Conv2d_0" if network.fir else "Conv_0"}}
    if network.embedding == "fourier":
        yield "embed", {"frequencies": "W"}
    yield from ((name, whole) for name in ("embed.linear1", "embed.linear2", "first"))
    for i, down in enumerate(network.down):
        for j in range(network.num_res_blocks):
            yield f"down.{i}.blocks.{j}", blocks["block"]
            if down.attention:
                yield f"down.{i}.attention.{j}", _ATTENTION
        if hasattr(down, "halve"):
            yield f"down.{i}.halve", blocks["halve"]
        if hasattr(down, "join"):
            yield f"down.{i}.join", joins[network.progressive_input]
    yield from (("middle1", blocks["block"]), ("attend", _ATTENTION), ("middle2", blocks["block"]))
    for i, up in enumerate(network.up):
        yield from ((f"up.{i}.blocks.{j}", blocks["block"]) for j in range(network.num_res_blocks + 1))
        yield from ((f"up.{i}.attention.{j}", _ATTENTION) for j in range(len(up.attention)))
        if hasattr(up, "head"):
            yield from ((f"up.{i}.head.{part}", whole) for part in ("norm", "conv"))
        if hasattr(up, "enlarge"):
            yield f"up.{i}.enlarge", blocks["enlarge"]
    if hasattr(network, "head"):
        yield from ((f"head.{part}", whole) for part in ("norm", "conv"))

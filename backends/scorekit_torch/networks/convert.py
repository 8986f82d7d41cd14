"""The authors' published weights as our networks: the same input gives the same output.

Their checkpoints are lists ``[state_dict, optimizer, …]``; NCSNv2's last entry holds the averaged weights by name.
Score-SDE's are ``{"model": state_dict, "ema": {"shadow_params": [...]}, …}``, with the averages in the order of the
trained parameters. Names of tensors are those of ermongroup/ncsn, ermongroup/ncsnv2 and yang-song/score_sde_pytorch.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeAlias, cast

import torch

from scorekit.errors import CheckpointError
from scorekit.learning import check_option
from scorekit.noise import Geometric, Levels, as_levels
from scorekit_torch.networks._image import PRECISIONS
from scorekit_torch.networks.checkpoints import filled, read, renamed, tensors
from scorekit_torch.networks.ncsn import NCSN
from scorekit_torch.networks.ncsnpp import NCSNPP_CONFIGS, averages, ncsnpp_names
from scorekit_torch.networks.ncsnv2 import NCSNv2
from scorekit_torch.networks.unet import UNet

__all__ = ["load_ncsn", "load_ncsnpp", "load_ncsnv2"]

Array: TypeAlias = Any

# how they number the blocks of the encoder, and those of the refinement, by depth
_ENCODER = {4: ("1", "2", "3", "4"), 5: ("1", "2", "3", "4", "5"), 6: ("1", "2", "3", "31", "4", "5")}
_REFINEMENT = _ENCODER | {6: ("1", "2", "31", "3", "4", "5")}


def load_ncsn(
    path: str | os.PathLike[str],
    noise: Geometric | Levels | Sequence[float],
    *,
    rescale: bool = True,
    precision: str = "float32",
) -> NCSN:
    """NCSN (Song and Ermon, 2019) with weights from a checkpoint of ermongroup/ncsn.

    Args:
        path: their ``checkpoint.pth``.
        noise: the noise levels of its training, which are not in the file; ``Geometric(1.0, 0.01, 10)`` as published.
        rescale: False for a network that was trained with ``logit_transform``.
        precision: as of :class:`NCSN`.

    Raises:
        CheckpointError: the file cannot be read safely, or tensors are missing, left over or of another shape.

    >>> net = load_ncsn("checkpoint.pth", sk.noise.Geometric(1.0, 0.01, 10))  # doctest: +SKIP
    >>> load_ncsn("nowhere.pth", [1.0, 0.1])  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scorekit.errors.CheckpointError: nowhere.pth cannot be read (FileNotFoundError: ...
    """
    noise = as_levels(noise)
    _check_options(rescale, precision)
    place, given = _from_list(path, averaged=False)
    channels, base_channels, depth = _shape(given, place)
    network = NCSN(channels, noise, base_channels, depth, rescale=rescale, precision=precision)
    return cast(NCSN, _refinenet(network, given, ".embed.weight", place))


def load_ncsnv2(
    path: str | os.PathLike[str], *, averaged: bool = True, rescale: bool = True, precision: str = "float32"
) -> NCSNv2:
    """NCSNv2 (Song and Ermon, 2020) with weights from a checkpoint of ermongroup/ncsnv2, of any of its three depths.

    Args:
        path: their ``checkpoint.pth``.
        averaged: True for the EMA weights, which the authors use for sampling; False for the last weights.
        rescale: False for a network that was trained with ``logit_transform`` or ``rescaled``.
        precision: as of :class:`NCSNv2`.

    Raises:
        CheckpointError: the file cannot be read safely, or tensors are missing, left over or of another shape.

    >>> net = load_ncsnv2("checkpoint.pth")  # doctest: +SKIP
    >>> load_ncsnv2("nowhere.pth")  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scorekit.errors.CheckpointError: nowhere.pth cannot be read (FileNotFoundError: ...
    """
    _check_options(rescale, precision)
    place, given = _from_list(path, averaged=averaged)
    given.pop("sigmas", None)
    for gamma in [name for name in given if name.endswith(".gamma")]:
        norm = gamma.removesuffix(".gamma")
        if f"{norm}.alpha" in given and f"{norm}.beta" in given:
            given[f"{norm}.row"] = torch.cat([given.pop(f"{norm}.{part}") for part in ("gamma", "alpha", "beta")])[None]
    channels, base_channels, depth = _shape(given, place)
    network = NCSNv2(channels, base_channels, depth, rescale=rescale, precision=precision)
    return cast(NCSNv2, _refinenet(network, given, ".row", place))


def load_ncsnpp(
    path: str | os.PathLike[str],
    config: str | Mapping[str, Any] = "cifar10_ncsnpp_continuous",
    *,
    averaged: bool = True,
    precision: str = "float32",
) -> UNet:
    """NCSN++ (Song et al., 2021) with weights from a checkpoint of yang-song/score_sde_pytorch.

    Args:
        path: their ``checkpoint_<n>.pth``.
        config: the name of their file of settings, one of ``NCSNPP_CONFIGS``, or arguments of :class:`UNet`.
        averaged: True for the EMA weights, which the authors use for sampling; False for the last weights.
        precision: as of :class:`UNet`.

    Raises:
        CheckpointError: the file cannot be read safely, or tensors are missing, left over or of another shape.

    >>> net = load_ncsnpp("checkpoint_24.pth", "cifar10_ncsnpp_continuous")  # doctest: +SKIP
    >>> load_ncsnpp("nowhere.pth", {"channels": 1, "base_channels": 8})  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    scorekit.errors.CheckpointError: nowhere.pth cannot be read (FileNotFoundError: ...
    """
    check_option(averaged, "averaged", (True, False))
    if isinstance(config, str):
        check_option(config, "config", tuple(NCSNPP_CONFIGS))
        config = NCSNPP_CONFIGS[config]
    network = UNet(**{"precision": precision, **config})
    place, content = read(path)
    if not isinstance(content, Mapping) or "model" not in content:
        raise CheckpointError(f"{place} has no entry 'model': expected what yang-song/score_sde_pytorch saves.")
    given = tensors(content["model"], place, "weights")
    given.pop("sigmas", None)
    if averaged:
        given |= averages(content.get("ema"), given, place)
    names = ncsnpp_names(network)
    state = renamed(given, names, place)
    # their 1x1 convolutions of the attention are matrices (in, out)
    turned = {name: w.T[:, :, None, None] for name, w in state.items() if names[name].endswith(".W") and w.ndim == 2}
    return cast(UNet, filled(network, state | turned, place))


def _check_options(rescale: Any, precision: Any) -> None:
    check_option(rescale, "rescale", (True, False))
    check_option(precision, "precision", PRECISIONS)


def _from_list(path: str | os.PathLike[str], *, averaged: bool) -> tuple[Path, dict[str, Array]]:
    check_option(averaged, "averaged", (True, False))
    place, content = read(path)
    if not isinstance(content, (list, tuple)) or not content:
        raise CheckpointError(f"{place} holds a {type(content).__name__}: expected the list that the authors save.")
    if averaged and not isinstance(content[-1], Mapping):
        raise CheckpointError(f"{place} holds no averaged weights. Load the last ones: averaged=False.")
    return place, tensors(content[-1 if averaged else 0], place, "weights")


def _shape(given: Mapping[str, Array], place: Path) -> tuple[int, int, int]:
    """Channels, features and depth of the network that these tensors are of."""
    first = given.get("begin_conv.weight")
    if first is None or first.ndim != 4:
        raise CheckpointError(f"{place} has no begin_conv.weight: expected a network of ermongroup/ncsn or ncsnv2.")
    depth = 6 if any(name.startswith("res31.") for name in given) else 4
    depth = max(depth, 5 if any(name.startswith("res5.") for name in given) else 4)
    return first.shape[1], first.shape[0], depth


def _refinenet(network: Any, given: Mapping[str, Array], norm: str, place: Path) -> Any:
    names = {name: _theirs(name, network, norm) for name in network.state_dict()}
    return filled(network, renamed(given, names, place), place)


def _theirs(name: str, network: Any, norm: str) -> str:
    """Their name of one of our tensors; ``norm`` is how the name of a normalization's row ends."""
    encoder, refinement = _ENCODER[network.depth], _REFINEMENT[network.depth]
    in_encoder = re.match(r"net\.encoder\.(\d+)\.(conv2|shortcut)", name)
    if in_encoder and network.net.encoder[int(in_encoder[1])].halved:
        name = name.replace(in_encoder[2], f"{in_encoder[2]}.conv")
    if "norm" in name:
        name = name.removesuffix(".weight") + norm
    for pattern, theirs in (
        (r"^net\.first", "begin_conv"),
        (r"^net\.last", "end_conv"),
        (r"^net\.norm", "normalizer"),
        (r"^net\.encoder\.(\d+)", lambda m: f"res{encoder[int(m[1]) // 2]}.{int(m[1]) % 2}"),
        (r"^(res.*)norm(\d)", r"\1normalize\2"),
        (r"^net\.refinement\.(\d+)", lambda m: f"refine{refinement[int(m[1])]}"),
        (r"adapt\.(\d+)\.(\d+)\.(norm|conv)(\d)", lambda m: f"adapt_convs.{m[1]}.{int(m[2]) + 1}_{m[4]}_{m[3]}"),
        (r"out\.(\d+)\.(norm|conv)(\d)", lambda m: f"output_convs.{int(m[1]) + 1}_{m[3]}_{m[2]}"),
        (r"fuse_norms", "msf.norms"),
        (r"chain_norms", "crp.norms"),
        (r"fuse", "msf.convs"),
        (r"chain", "crp.convs"),
    ):
        name = re.sub(pattern, theirs, name)
    return name

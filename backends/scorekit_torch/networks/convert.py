"""The authors' published weights as our networks: the same input gives the same output.

Names of tensors are those of ermongroup/ncsn, ermongroup/ncsnv2 and yang-song/score_sde_pytorch. What the file says of
its noise levels and of its process is compared with the arguments, and never dropped.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, cast

import torch

from scorekit.errors import CheckpointError, InvalidTypeError, InvalidValueError
from scorekit.learning import check_option
from scorekit.noise import Geometric, Levels, as_levels
from scorekit_torch.networks._image import PRECISIONS
from scorekit_torch.networks.checkpoints import Weights, close, filled, open_weights, renamed, span
from scorekit_torch.networks.ncsn import NCSN
from scorekit_torch.networks.ncsnpp import NCSNPP_CONFIGS, ncsnpp_names
from scorekit_torch.networks.ncsnv2 import NCSNv2
from scorekit_torch.networks.processes import PROCESSES
from scorekit_torch.networks.reader import Record
from scorekit_torch.networks.unet import UNet

__all__ = ["load_ncsn", "load_ncsnpp", "load_ncsnv2"]

Array: TypeAlias = Any

# how they number the blocks of the encoder, and those of the refinement, by depth
_ENCODER = {4: ("1", "2", "3", "4"), 5: ("1", "2", "3", "4", "5"), 6: ("1", "2", "3", "31", "4", "5")}
_REFINEMENT = _ENCODER | {6: ("1", "2", "31", "3", "4", "5")}

_SDES = {"vesde": ("ve",), "vpsde": ("vp", "ddpm"), "subvpsde": ("subvp",)}
_AWAY = -0.5  # a cosine with the way to the data at the largest level; of a trained network it is near 1


def load_ncsn(
    path: str | os.PathLike[str],
    noise: Geometric | Levels | Sequence[float] | None = None,
    *,
    averaged: bool = False,
    rescale: bool = True,
    precision: str = "float32",
) -> NCSN:
    """NCSN (Song and Ermon, 2019) with weights from a checkpoint of ermongroup/ncsn.

    Args:
        path: their ``checkpoint.pth``, or a file of its tensors alone, of ``torch.save`` or safetensors.
        noise: the noise levels of its training; ``Geometric(1.0, 0.01, 10)`` as published. None for a file that holds
            them, as those of ermongroup/ncsnv2 do.
        averaged: True for the EMA weights, which files of ermongroup/ncsn do not hold; False for the last weights.
        rescale: False for a network that was trained with ``logit_transform``.
        precision: as of :class:`NCSN`.

    Returns:
        The network in eval mode; ``trained_levels`` holds its smallest and its largest level.

    Raises:
        CheckpointError: the file cannot be read safely; tensors are missing, left over, of another shape, or not
            finite; or its noise levels are not those of ``noise``.

    >>> net = load_ncsn("checkpoint.pth", sk.noise.Geometric(1.0, 0.01, 10))  # doctest: +SKIP
    >>> load_ncsn("nowhere.pth", [1.0, 0.1])
    Traceback (most recent call last):
    scorekit.errors.CheckpointError: nowhere.pth does not exist: expected a file that torch.save wrote, or a \
safetensors file.
    """
    _check_options(rescale, precision)
    asked = None if noise is None else as_levels(noise)
    weights = open_weights(path, averaged=averaged)
    channels, base_channels, depth = _shape(weights)
    levels = _ncsn_levels(weights, asked)
    network = NCSN(channels, levels, base_channels, depth, rescale=rescale, precision=precision, rng=weights.zeros)
    return cast(NCSN, _with_levels(_refinenet(network, weights, ".embed.weight"), levels))


def load_ncsnv2(
    path: str | os.PathLike[str], *, averaged: bool = True, rescale: bool = True, precision: str = "float32"
) -> NCSNv2:
    """NCSNv2 (Song and Ermon, 2020) with weights from a checkpoint of ermongroup/ncsnv2, of any of its three depths.

    Args:
        path: their ``checkpoint.pth``, or a file of its tensors alone, of ``torch.save`` or safetensors.
        averaged: True for the EMA weights, which the authors use for sampling; False for the last weights. A file of
            tensors alone has one set of weights, which is loaded.
        rescale: False for a network that was trained with ``logit_transform`` or ``rescaled``.
        precision: as of :class:`NCSNv2`.

    Returns:
        The network in eval mode; ``trained_levels`` holds the smallest and the largest level of the file, or None.

    Raises:
        CheckpointError: the file cannot be read safely, or tensors are missing, left over, of another shape, or not
            finite.

    >>> net = load_ncsnv2("checkpoint.pth")  # doctest: +SKIP
    >>> load_ncsnv2("nowhere.pth")
    Traceback (most recent call last):
    scorekit.errors.CheckpointError: nowhere.pth does not exist: expected a file that torch.save wrote, or a \
safetensors file.
    """
    _check_options(rescale, precision)
    weights = open_weights(path, averaged=averaged)
    given = weights.tensors
    for gamma in [name for name in given if name.endswith(".gamma")]:
        norm = gamma.removesuffix(".gamma")
        if f"{norm}.alpha" in given and f"{norm}.beta" in given:
            given[f"{norm}.row"] = torch.cat([given.pop(f"{norm}.{part}") for part in ("gamma", "alpha", "beta")])[None]
    channels, base_channels, depth = _shape(weights)
    network = NCSNv2(channels, base_channels, depth, rescale=rescale, precision=precision, rng=weights.zeros)
    return cast(NCSNv2, _with_levels(_refinenet(network, weights, ".row"), weights.levels))


def load_ncsnpp(
    path: str | os.PathLike[str],
    config: str | Mapping[str, Any] | None = None,
    *,
    averaged: bool = True,
    precision: str = "float32",
) -> UNet:
    """NCSN++, DDPM++ or DDPM (Song et al., 2021) with weights from a checkpoint of yang-song/score_sde_pytorch.

    The network is a score model s(x, sigma) of the data plus N(0, sigma² I), for VP and sub-VP files, too, whose
    networks predict the noise: see ``process`` of :class:`UNet`. Images of VE files are in [0, 1], those of VP and
    sub-VP files in [−1, 1].

    Args:
        path: their ``checkpoint_<n>.pth``, or a file of its tensors alone, of ``torch.save`` or safetensors.
        config: the authors' name of the checkpoint, one of ``NCSNPP_CONFIGS``, as ``"ve/cifar10_ncsnpp_continuous"``
            or ``"subvp/cifar10_ddpmpp_continuous"``; or arguments of :class:`UNet`. Files of different processes have
            the same tensors, so nothing is assumed: None raises an error that lists the names.
        averaged: True for the EMA weights, which the authors use for sampling; False for the last weights. A file of
            tensors alone has one set of weights, which is loaded.
        precision: as of :class:`UNet`.

    Returns:
        The network in eval mode; ``trained_levels`` holds its smallest and its largest level, or None. For a network
        that is told the index of its level, the levels are those of the file.

    Raises:
        CheckpointError: the file cannot be read safely; tensors are missing, left over, of another shape, or not
            finite; its noise levels are not those of ``config``; or its network is one of another process.
        ValueError: ``config`` is an unknown name, or does not tell the process.
        TypeError: ``config`` is missing, or has entries that are not arguments of :class:`UNet`.

    >>> net = load_ncsnpp("checkpoint_24.pth", "ve/cifar10_ncsnpp_continuous")  # doctest: +SKIP
    >>> load_ncsnpp("nowhere.pth", {"channels": 1, "base_channels": 8})
    Traceback (most recent call last):
    scorekit.errors.CheckpointError: nowhere.pth does not exist: expected a file that torch.save wrote, or a \
safetensors file.
    """
    named = isinstance(config, str)
    _check_options(True, precision)
    settings: dict[str, Any] = {"precision": precision, **_settings(config)}
    weights = open_weights(path, averaged=averaged)
    _check_process(weights, str(settings.get("process", "ve")))
    if settings.get("noise") is not None and weights.levels is not None:
        settings["noise"] = _indexed_levels(weights, as_levels(settings["noise"]), named)
    network = UNet(**settings)
    names = ncsnpp_names(network)
    state = renamed(weights.tensors, names, weights.place, _seen(weights.tensors))
    # their 1x1 convolutions of the attention are matrices (in, out)
    turned = {name: w.T[:, :, None, None] for name, w in state.items() if names[name].endswith(".W") and w.ndim == 2}
    made: UNet = filled(network, state | turned, weights)
    made.trained_levels = _levels_of(made, weights)
    _check_direction(made, weights)
    return made


def _settings(config: Any) -> Mapping[str, Any]:
    """The arguments of :class:`UNet`, checked."""
    if isinstance(config, str):
        meant = [name for name in NCSNPP_CONFIGS if name.endswith(f"/{config}")]
        if meant:
            raise InvalidValueError(f"unknown config {config!r}: did you mean {' or '.join(map(repr, meant))}?")
        check_option(config, "config", tuple(NCSNPP_CONFIGS))
        return NCSNPP_CONFIGS[config]
    if not isinstance(config, Mapping):
        raise InvalidTypeError(
            f"config is {config!r}: expected the authors' name of the checkpoint, one of {', '.join(NCSNPP_CONFIGS)}; "
            "or a dict of the arguments of UNet."
        )
    strange = sorted(set(map(str, config)) - set(UNet._arguments))
    if strange:
        raise InvalidTypeError(
            f"config has {', '.join(strange)}: expected arguments of UNet, which are {', '.join(UNet._arguments)}."
        )
    if config.get("embedding") == "positional" and not config.keys() & {"process", "noise"}:
        raise InvalidValueError(
            "config has embedding='positional', which networks of every process have: add process='vp', 'subvp' or "
            "'ddpm', or for a VE network noise=…, its levels."
        )
    return config


def _check_options(rescale: Any, precision: Any) -> None:
    check_option(rescale, "rescale", (True, False))
    check_option(precision, "precision", PRECISIONS)


def _ncsn_levels(weights: Weights, asked: Geometric | Levels | None) -> Geometric | Levels:
    """The levels of NCSN: those of the file and the argument must be the same, and as many as it has weights for."""
    rows = weights.tensors.get("normalizer.embed.weight")
    if rows is None:
        raise CheckpointError(
            f"{weights.place} has no normalizer.embed.weight, the weights of each noise level: it is not NCSN. For "
            "NCSNv2 use load_ncsnv2."
        )
    found = weights.levels
    if asked is None and found is None:
        raise CheckpointError(
            f"{weights.place} does not hold its {len(rows)} noise levels: pass noise=…; the published networks have "
            "sk.noise.Geometric(1.0, 0.01, 10)."
        )
    if asked is not None and found is not None and not close(asked, found):
        raise CheckpointError(
            f"noise has {span(asked)}, but {weights.place} was trained with {span(found)}: leave noise out, and the "
            "levels of the file are used."
        )
    levels = asked if found is None else found
    assert levels is not None
    if len(levels) != len(rows):
        raise CheckpointError(
            f"noise has {span(levels)}, but {weights.place} has weights for {len(rows)} levels: pass the levels that "
            "it was trained with."
        )
    return levels


def _indexed_levels(weights: Weights, asked: Geometric | Levels, named: bool) -> Levels:
    """The levels of the file, of a network that is told the index; those in the user's own settings must agree."""
    assert weights.levels is not None
    if not named and not close(asked, weights.levels):
        raise CheckpointError(
            f"config has noise of {span(asked)}, but {weights.place} was trained with {span(weights.levels)}: take "
            "those, sk.noise.Geometric"
            f"({weights.levels.largest:g}, {weights.levels.smallest:g}, {len(weights.levels)}) if their ratio is "
            "constant."
        )
    return weights.levels


def _levels_of(network: UNet, weights: Weights) -> tuple[float, float] | None:
    """The smallest and the largest level of the training; the sigmas in a VP or sub-VP file are not used by it."""
    if network.process != "ve":
        return network.time_levels
    levels = weights.levels if network.noise is None else as_levels(network.noise)
    return None if levels is None else (levels.smallest, levels.largest)


def _with_levels(network: Any, levels: Geometric | Levels | None) -> Any:
    network.trained_levels = None if levels is None else (levels.smallest, levels.largest)
    return network


def _check_process(weights: Weights, process: str) -> None:
    """Raise an error if the settings in the file name another process."""
    stated = _entry(weights.config, "training", "sde")
    known = _SDES.get(stated.lower() if isinstance(stated, str) else "", PROCESSES)
    if process not in known:
        raise CheckpointError(
            f"{weights.place} was trained with {stated}, but config has the process {process!r}: expected a config of "
            f"the process {' or '.join(map(repr, known))}, as {_examples(known)}."
        )


def _entry(config: Any, *names: str) -> Any:
    """An entry of nested settings, of dicts or of objects of any class; None if it is not there."""
    for name in names:
        fields = config.fields if isinstance(config, Record) else config
        fields = fields.get("_fields", fields) if isinstance(fields, Mapping) else {}  # of a ConfigDict
        config = fields.get(name)
    return config


def _examples(processes: Sequence[str]) -> str:
    return ", ".join(repr(n) for n, c in NCSNPP_CONFIGS.items() if c.get("process", "ve") in processes)


@torch.no_grad()
def _check_direction(network: UNet, weights: Weights) -> None:
    """Raise an error if the score of pure noise points away from the data, as with a network of another process.

    Fourier features are of VE networks alone, so only networks with positional features can be mistaken.
    """
    if network.embedding != "positional" or network.trained_levels is None:
        return
    shape = (1, network.channels, *(max(32, 2 * network.divisor),) * 2)
    z = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(next(network.parameters()).dtype)
    sigma = network.trained_levels[1]
    cosine = float(torch.cosine_similarity(network(sigma * z, sigma).flatten(), -z.flatten(), dim=0))
    if cosine < _AWAY:
        other = [p for p in PROCESSES if (p == "ve") != (network.process == "ve")]
        raise CheckpointError(
            f"{weights.place} is not of the process {network.process!r}: at the largest level, {sigma:.4g}, its score "
            f"points away from the data (cosine {cosine:.2f} with the right direction). Nothing was loaded. Files of "
            f"other processes have the same tensors: try one of {_examples(other)}."
        )


def _seen(given: Mapping[str, Array]) -> str:
    """What the tensors of a file say of its settings, for a message."""
    if not any(name.startswith("all_modules.") for name in given):
        return "It has no all_modules, so it is not of score_sde_pytorch's NCSN++ or DDPM."
    fourier = "all_modules.0.W" in given
    blocks = sum(name.endswith(".Conv_1.weight") for name in given)
    residual = any("Conv2d_0" in name for name in given)
    biggan = any(re.fullmatch(r"all_modules\.\d+\.Conv_2\.weight", name) for name in given)
    alike = [
        name
        for name, config in NCSNPP_CONFIGS.items()
        if (config.get("embedding") != "positional") == fourier
        and (config.get("block") != "ddpm") == biggan
        and (config.get("progressive_input") == "residual") == residual
    ]
    return (
        f"The file has {'Fourier' if fourier else 'positional'} features and {blocks} {'BigGAN' if biggan else 'DDPM'} "
        f"blocks, {'with' if residual else 'without'} a residual input, as {', '.join(alike) or 'no published one'}."
    )


def _shape(weights: Weights) -> tuple[int, int, int]:
    """Channels, features and depth of the network that these tensors are of."""
    given = weights.tensors
    first = given.get("begin_conv.weight")
    if first is None or first.ndim != 4:
        other = any(name.startswith("all_modules.") for name in given)
        raise CheckpointError(
            f"{weights.place} has no begin_conv.weight: expected a network of ermongroup/ncsn or ncsnv2."
            + (" It is one of score_sde_pytorch: use load_ncsnpp." if other else "")
        )
    depth = 6 if any(name.startswith("res31.") for name in given) else 4
    depth = max(depth, 5 if any(name.startswith("res5.") for name in given) else 4)
    return first.shape[1], first.shape[0], depth


def _refinenet(network: Any, weights: Weights, norm: str) -> Any:
    names = {name: _theirs(name, network, norm) for name in network.state_dict()}
    return filled(network, renamed(weights.tensors, names, weights.place), weights)


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

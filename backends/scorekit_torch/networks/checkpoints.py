"""Weights in the layouts that training programs write, by the names of the network, and how they enter a network."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import torch
from torch import nn

from scorekit.errors import CheckpointError, InvalidTypeError, InvalidValueError, ShapeError
from scorekit.learning import Zeros, check_option
from scorekit.noise import Geometric, Levels, as_levels
from scorekit_torch.networks.reader import Record, read

__all__ = ["FIXED", "Weights", "close", "filled", "open_weights", "renamed", "span"]

Array: TypeAlias = Any

#: Tensors of the published networks that are not trained, so that no average of them is kept.
FIXED = ("sigmas", "all_modules.0.W")

_WEIGHTS = ("model", "state_dict", "model_state_dict", "net", "network", "score_model", "params")
_AVERAGES = ("ema", "model_ema", "ema_model", "ema_state_dict", "ema_params")
_CONFIGS = ("config", "args", "hparams", "hyper_parameters", "cfg")
_LISTED = 6  # faults that a message writes out
_TOLERANCE = 1e-4  # levels may differ by this share of themselves, as in level_index


class Weights(NamedTuple):
    """What was read: the place of the file, its tensors by name, its noise levels and its settings, if it has them."""

    place: Path
    tensors: dict[str, Array]
    levels: Levels | None
    config: Any

    @property
    def zeros(self) -> Zeros:
        """Initial weights, of a network that is no larger than the file."""
        return Zeros(min(sum(value.numel() for value in self.tensors.values()), self.place.stat().st_size))


def open_weights(path: str | os.PathLike[str], *, averaged: bool) -> Weights:
    """The weights in a file of any layout of ermongroup/ncsn, ermongroup/ncsnv2 and yang-song/score_sde_pytorch.

    These are a list ``[state_dict, optimizer, …, averages]``; a dict with an entry ``"model"`` and an entry ``"ema"``,
    under these or other common names; or the tensors alone, which are taken as they are. Averages are tensors by name,
    alone, in a list of one, or under ``"shadow"``; or tensors in the order of the trained parameters, alone or under
    ``"shadow_params"``.
    """
    check_option(averaged, "averaged", (True, False))
    place, content = read(path)
    state, averages, config = _parts(content, place)
    given = _plain(state)
    if state is averages and not averaged:
        raise CheckpointError(f"{place} holds averaged weights only: load them, averaged=True.")
    if averaged and state is not content:
        given |= _averages(averages, given, place)
    levels = given.pop("sigmas", None)
    return Weights(place, given, None if levels is None else _levels(levels, place), config)


def _parts(content: Any, place: Path) -> tuple[Mapping[str, Array], Any, Any]:
    """The weights, the averages or None, and the settings or None."""
    if _is_state(content):
        return content, None, None
    if isinstance(content, (list, tuple)) and content and _is_state(content[0]):
        later = [item for item in content[1:] if _is_state(item)]
        return content[0], later[-1] if later else None, None
    if isinstance(content, Mapping):
        states = [content[name] for name in _WEIGHTS if _is_state(content.get(name))]
        if states:
            config = next((content[name] for name in _CONFIGS if name in content), None)
            return states[0], next((content[name] for name in _AVERAGES if name in content), None), config
        if alone := [content[name] for name in _AVERAGES if _is_state(content.get(name))]:
            return alone[0], alone[0], None
    raise CheckpointError(
        f"{place} holds {_described(content)}: expected tensors by name, alone, first in a list, or under one of the "
        f"names {', '.join(_WEIGHTS)}. Save the state_dict() of the network."
    )


def _is_state(value: Any) -> bool:
    return isinstance(value, Mapping) and bool(value) and all(isinstance(v, torch.Tensor) for v in value.values())


def _described(content: Any) -> str:
    if isinstance(content, Record):
        return f"an object {type(content).__module__}.{type(content).__name__}, whose class is not read"
    if isinstance(content, Mapping):
        return f"a dict with {_listed(list(map(str, content)))}"
    return f"a {type(content).__name__}" + (f" of {len(content)} items" if isinstance(content, (list, tuple)) else "")


def _plain(state: Mapping[str, Array]) -> dict[str, Array]:
    """The tensors by the names of the network, without the prefixes of wrappers (``module.``, ``_orig_mod.``, …)."""
    given = {str(name): value for name, value in state.items() if name != "n_averaged"}  # of AveragedModel
    while len(given) > 1 and "all_modules" not in (first := {name.partition(".")[0] for name in given}):
        if len(first) > 1 or not all("." in name for name in given):
            break
        given = {name.partition(".")[2]: value for name, value in given.items()}
    return given


def _averages(averages: Any, given: Mapping[str, Array], place: Path) -> dict[str, Array]:
    """The averaged weights by name."""
    found = averages.fields if isinstance(averages, Record) else averages
    for name in ("shadow_params", "shadow"):
        found = found[name] if isinstance(found, Mapping) and name in found and not _is_state(found) else found
    if isinstance(found, (list, tuple)) and found and all(_is_state(item) for item in found):
        if len(found) > 1:
            raise CheckpointError(
                f"{place} holds {len(found)} sets of averaged weights. Save the one that you want alone, "
                'torch.save(content["ema"][k], "weights.pt"), and load that file.'
            )
        found = found[0]
    trained = [name for name in given if name not in FIXED]
    if isinstance(found, (list, tuple)) and all(isinstance(value, torch.Tensor) for value in found) and found:
        if [value.shape for value in found] == [given[name].shape for name in trained]:
            return dict(zip(trained, found, strict=True))
    elif _is_state(found):
        named = _plain(found)
        if {name for name in named if name not in FIXED} == set(trained):
            return named
    else:
        raise CheckpointError(f"{place} holds no averaged weights. Load the last ones: averaged=False.")
    raise CheckpointError(
        f"{place} holds {len(found)} averaged weights that do not fit its {len(trained)} weights. Load the last ones: "
        "averaged=False."
    )


def _levels(sigmas: Array, place: Path) -> Levels:
    try:
        return Levels(tuple(sigmas.double().tolist()))
    except (InvalidTypeError, InvalidValueError, ShapeError, TypeError) as error:
        raise CheckpointError(f"{place} holds sigmas that are no noise levels: {error}") from error


def close(one: Geometric | Levels, other: Geometric | Levels) -> bool:
    """Whether two sequences of levels are the same up to rounding."""
    a, b = one.sigmas, other.sigmas
    return len(a) == len(b) and bool((abs(a - b) <= _TOLERANCE * b).all())


def span(noise: Any) -> str:
    """Levels in words."""
    levels = as_levels(noise)
    return f"{len(levels)} levels from {levels.largest:g} to {levels.smallest:g}"


def renamed(given: Mapping[str, Array], names: Mapping[str, str], place: Path, seen: str = "") -> dict[str, Array]:
    """The tensors by our names; ``names`` gives theirs for ours. An error names what is missing or left over."""
    missing = [theirs for theirs in names.values() if theirs not in given]
    left_over = sorted(given.keys() - set(names.values()))
    if missing or left_over:
        raise CheckpointError(
            f"{place} does not fit: missing are {_listed(missing)}; left over are {_listed(left_over)}. Nothing was "
            f"loaded. Are these the settings that the file was trained with? {seen}".rstrip()
        )
    return {ours: given[theirs] for ours, theirs in names.items()}


def filled(network: nn.Module, state: Mapping[str, Array], weights: Weights) -> Any:
    """The network with these weights, in eval mode, if every shape is right and every number finite."""
    own = network.state_dict()
    wrong = [
        f"{name} is {tuple(state[name].shape)}, the network has {tuple(own[name].shape)}"
        for name in own
        if state[name].shape != own[name].shape
    ]
    if wrong:
        raise CheckpointError(f"{weights.place} does not fit: {_listed(wrong)}. Nothing was loaded.")
    broken = [name for name in own if not torch.isfinite(state[name]).all()]
    if broken:
        raise CheckpointError(
            f"{weights.place} holds NaN or infinity in {_listed(broken)}: the training had diverged when it was "
            "written. Nothing was loaded. Use an earlier file."
        )
    network.load_state_dict(dict(state))
    return network.eval()


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:_LISTED]) or "none"
    return shown if len(names) <= _LISTED else f"{shown} and {len(names) - _LISTED} more"

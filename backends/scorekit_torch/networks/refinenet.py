"""The RefineNet of the NCSN papers: a residual encoder, and refinement from its last stage back to the first.

Written for speed at equal values: the mean over 5x5 pixels is a convolution, a convolution followed by the mean of 2x2
pixels is one with stride 2, and nothing is interpolated to the size that it has.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from torch import nn
from torch.nn.functional import avg_pool2d, conv2d, pad

from scorekit.errors import InvalidValueError
from scorekit.learning import check_count
from scorekit_torch.networks.compiling import elu, enlarged
from scorekit_torch.networks.initial import TorchConv
from scorekit_torch.networks.levels import Condition

__all__ = ["Parts", "RefineNet", "Stage", "check_depth", "mean_pool"]

Array: TypeAlias = Any


class Stage(NamedTuple):
    """Two residual blocks of the encoder: their width in units of the features, and what they do to the pixels."""

    width: int
    halved: bool = False
    dilation: int = 1


_STAGES = {
    4: (Stage(1), Stage(2, halved=True), Stage(2, dilation=2), Stage(2, dilation=4)),
    5: (Stage(1), *(Stage(2, halved=True),) * 2, Stage(4, dilation=2), Stage(4, dilation=4)),
    6: (Stage(1), *(Stage(2, halved=True),) * 3, Stage(4, dilation=2), Stage(4, dilation=4)),
}


def check_depth(depth: int) -> int:
    """A number of stages that one of the papers has."""
    if check_count(depth, "depth") not in _STAGES:
        raise InvalidValueError(f"depth is {depth}: expected {', '.join(map(str, _STAGES))} stages.")
    return depth


class Parts(NamedTuple):
    """Where the two papers differ."""

    norm: Callable[[int], nn.Module]  # in the encoder and before the last convolution
    refine_norm: Callable[[int], nn.Module]  # in the refinement
    pool: Callable[[Array], Array]  # over 5x5 pixels


def mean_pool(x: Array) -> Array:
    """The mean over 5x5 pixels, zeros outside; as a convolution it takes a fifth of the time on a CPU."""
    c = x.shape[1]
    return conv2d(x, x.new_full((1, 1, 1, 1), 1 / 25).expand(c, 1, 5, 5), padding=2, groups=c)


class RefineNet(nn.Module):
    """Convolution, encoder, refinement, convolution: images to images.

    Args:
        channels: of the images.
        features: width of the first stage.
        depth: stages of the encoder.
        parts: normalization and pooling.
    """

    def __init__(self, channels: int, features: int, depth: int, parts: Parts) -> None:
        super().__init__()
        stages = _STAGES[depth]
        self.divisor = 2 ** sum(stage.halved for stage in stages)
        widths = [features * stage.width for stage in stages]
        self.first = TorchConv(channels, features)
        self.encoder = nn.ModuleList()
        for i, (stage, width) in enumerate(zip(stages, widths, strict=True)):
            self.encoder.append(Residual(widths[max(i - 1, 0)], width, parts.norm, stage, enters=i > 0))
            self.encoder.append(Residual(width, width, parts.norm, stage._replace(halved=False)))
        self.refinement = nn.ModuleList([Refine([widths[-1]], widths[-1], parts)])
        for i in range(len(stages) - 2, -1, -1):
            after = widths[max(i - 1, 0)]
            self.refinement.append(Refine([widths[i]] * 2, after, parts, final=i == 0))
        self.norm = parts.norm(features)
        self.last = TorchConv(features, channels)

    def forward(self, x: Array, at: Condition) -> Array:
        """Images ``(n, channels, h, w)``, shaped like ``x``."""
        h, stages = self.first(x), []
        for i, block in enumerate(self.encoder):
            h = block(h, at)
            if i % 2:
                stages.append(h)
        h = self.refinement[0]([stages.pop()], at)
        for refine in list(self.refinement)[1:]:
            h = refine([stages.pop(), h], at)
        return self.last(elu(self.norm(h, at)))


class Residual(nn.Module):
    """Twice normalization, ELU and a 3x3 convolution, added to the input.

    The block that ``enters`` a stage has a convolution in the other branch too. Where sides are halved it is 1x1, and
    both branches end in the mean of 2x2 pixels.
    """

    def __init__(
        self,
        before: int,
        after: int,
        norm: Callable[[int], nn.Module],
        stage: Stage | None = None,
        *,
        enters: bool = False,
    ) -> None:
        super().__init__()
        stage, biased = stage or Stage(1), stage is not None
        self.halved = stage.halved
        self.norm1 = norm(before)
        self.conv1 = TorchConv(before, before, dilation=stage.dilation, bias=biased)
        self.norm2 = norm(before)
        self.conv2 = TorchConv(before, after, dilation=stage.dilation, bias=biased)
        if enters:
            self.shortcut = TorchConv(before, after, 1 if stage.halved else 3, dilation=stage.dilation)

    def forward(self, x: Array, at: Condition) -> Array:
        """``(n, after, h, w)``, or half of these sides."""
        h = self.conv1(elu(self.norm1(x, at)))
        h = elu(self.norm2(h, at))
        if self.halved:
            return self.shortcut(avg_pool2d(x, 2)) + _conv_and_halve(h, self.conv2)
        return (self.shortcut(x) if hasattr(self, "shortcut") else x) + self.conv2(h)


def _conv_and_halve(x: Array, conv: nn.Conv2d) -> Array:
    """A 3x3 convolution and the mean of 2x2 pixels after it: the mean of four shifted kernels, with stride 2."""
    w = conv.weight
    kernel = (pad(w, (0, 1, 0, 1)) + pad(w, (1, 0, 0, 1)) + pad(w, (0, 1, 1, 0)) + pad(w, (1, 0, 1, 0))) / 4
    return conv2d(x, kernel, conv.bias, stride=2, padding=1)


class Refine(nn.Module):
    """Adapts one input or two, fuses them at the size of the first, pools in a chain, and adapts the result."""

    def __init__(self, widths: list[int], after: int, parts: Parts, *, final: bool = False) -> None:
        super().__init__()
        norm = parts.refine_norm
        self.adapt = nn.ModuleList(_units(width, 2, norm) for width in widths)
        if len(widths) > 1:
            self.fuse_norms = nn.ModuleList(norm(width) for width in widths)
            self.fuse = nn.ModuleList(TorchConv(width, after) for width in widths)
        self.pool = parts.pool
        self.chain_norms = nn.ModuleList(norm(after) for _ in range(2))
        self.chain = nn.ModuleList(TorchConv(after, after, bias=False) for _ in range(2))
        self.out = _units(after, 3 if final else 1, norm)

    def forward(self, inputs: list[Array], at: Condition) -> Array:
        """``(n, after, h, w)``, the sides of the first input."""
        adapted = [_run(units, h, at) for units, h in zip(self.adapt, inputs, strict=True)]
        h = elu(self._fused(adapted, at) if len(adapted) > 1 else adapted[0])
        path = h
        for norm, conv in zip(self.chain_norms, self.chain, strict=True):
            path = conv(self.pool(norm(path, at)))
            h = h + path
        return _run(self.out, h, at)

    def _fused(self, inputs: list[Array], at: Condition) -> Array:
        size = inputs[0].shape[2:]
        convolved = (conv(norm(h, at)) for h, norm, conv in zip(inputs, self.fuse_norms, self.fuse, strict=True))
        first, second = (h if h.shape[2:] == size else enlarged(h, size) for h in convolved)
        return first + second


def _units(width: int, count: int, norm: Callable[[int], nn.Module]) -> nn.ModuleList:
    """Residual blocks without biases."""
    return nn.ModuleList(Residual(width, width, norm) for _ in range(count))


def _run(blocks: Any, h: Array, at: Condition) -> Array:
    for block in blocks:
        h = block(h, at)
    return h

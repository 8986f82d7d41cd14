"""The RefineNets of the NCSN papers written plainly: the operations as published, one after the other.

They share the weights of a network of ours, so that both must give the same output; what they cost is what the
authors' code costs. Only networks with ``depth`` 4, without classes.
"""

from __future__ import annotations

import torch
from torch.nn.functional import avg_pool2d, conv2d, elu, embedding, instance_norm, interpolate, max_pool2d


def score(net, x, sigma):
    """What ``net(x, sigma)`` must be, for sigma of shape ``(n,)``."""
    conditional = net.noise is not None
    level = _nearest(net.noise, sigma) if conditional else torch.zeros(len(x), dtype=torch.long, device=x.device)
    output = _refinenet(net.net, 2 * x - 1 if net.rescale else x, level, mean=conditional)
    return output if conditional else output / sigma[:, None, None, None]


def _nearest(levels, sigma):
    return (torch.tensor(levels, dtype=sigma.dtype, device=sigma.device) - sigma[:, None]).abs().argmin(dim=1)


def _refinenet(net, x, level, mean):
    h, stages = conv2d(x, net.first.weight, net.first.bias, padding=1), []
    for i, block in enumerate(net.encoder):
        h = residual(block, h, level)
        if i % 2:
            stages.append(h)
    h = _refine(net.refinement[0], [stages[3]], level, mean)
    for i in (1, 2, 3):
        h = _refine(net.refinement[i], [stages[3 - i], h], level, mean)
    return net.last(elu(norm(net.norm, h, level)))


def norm(layer, x, level):
    """Instance normalization++."""
    if not hasattr(layer, "weight"):
        return x
    gamma, alpha, beta = embedding(level, layer.weight).chunk(3, dim=1)
    means = x.mean(dim=(2, 3))
    middle, variance = means.mean(dim=1, keepdim=True), means.var(dim=1, keepdim=True)
    means = (means - middle) / torch.sqrt(variance + 1e-5)
    h = instance_norm(x) + means[:, :, None, None] * alpha[:, :, None, None]
    return gamma[:, :, None, None] * h + beta[:, :, None, None]


def residual(block, x, level):
    """A residual block, in the encoder or in the refinement."""
    h = block.conv1(elu(norm(block.norm1, x, level)))
    h = block.conv2(elu(norm(block.norm2, h, level)))
    shortcut = block.shortcut(x) if hasattr(block, "shortcut") else x
    return _halved(shortcut) + _halved(h) if block.halved else shortcut + h


def _halved(x):
    return (x[:, :, ::2, ::2] + x[:, :, 1::2, ::2] + x[:, :, ::2, 1::2] + x[:, :, 1::2, 1::2]) / 4


def _refine(refine, inputs, level, mean):
    adapted = []
    for units, h in zip(refine.adapt, inputs, strict=True):
        for unit in units:
            h = residual(unit, h, level)
        adapted.append(h)
    h = adapted[0]
    if len(adapted) > 1:
        h = 0.0
        for before, layer, conv in zip(adapted, refine.fuse_norms, refine.fuse, strict=True):
            size = adapted[0].shape[2:]
            h = h + interpolate(conv(norm(layer, before, level)), size=size, mode="bilinear", align_corners=True)
    h = path = elu(h)
    for layer, conv in zip(refine.chain_norms, refine.chain, strict=True):
        path = norm(layer, path, level)
        path = avg_pool2d(path, 5, 1, 2) if mean else max_pool2d(path, 5, 1, 2)
        path = conv(path)
        h = h + path
    for unit in refine.out:
        h = residual(unit, h, level)
    return h

"""Score networks: a multilayer perceptron for points, and the networks of the papers for images."""

from __future__ import annotations

from scorekit_torch.networks.convert import load_ncsn, load_ncsnpp, load_ncsnv2
from scorekit_torch.networks.mlp import MLP
from scorekit_torch.networks.ncsn import NCSN
from scorekit_torch.networks.ncsnpp import NCSNPP_CONFIGS
from scorekit_torch.networks.ncsnv2 import NCSNv2
from scorekit_torch.networks.unet import UNet

__all__ = ["MLP", "NCSN", "NCSNPP_CONFIGS", "NCSNv2", "UNet", "load_ncsn", "load_ncsnpp", "load_ncsnv2"]

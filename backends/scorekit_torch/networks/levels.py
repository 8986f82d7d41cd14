"""Which level of a ladder is this sigma?"""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import torch

from scorekit.errors import InvalidValueError

__all__ = ["level_index"]

Array: TypeAlias = Any

_TOLERANCE = 1e-4  # a level may differ by this share of itself: float32 rounds by 1e-7, ladders descend by 1e-2


def level_index(sigma: Any, ladder: tuple[float, ...]) -> Any:
    """The index of the level next to ``sigma``: an int for a scalar, integers ``(n,)`` for ``(n,)``.

    Raises:
        ValueError: sigma differs from every level by more than 1e-4 of itself.
    """
    given = torch.as_tensor(sigma, dtype=torch.float64)
    logs = torch.tensor(np.log(ladder), device=given.device)
    gap, index = (given.log()[..., None] - logs).abs().min(dim=-1)
    if bool((gap > _TOLERANCE).any()):
        strange = float(given.reshape(-1)[gap.argmax()])
        shown = [f"{level:g}" for level in ladder]
        levels = ", ".join(shown if len(shown) <= 6 else [*shown[:2], "…", shown[-1]])
        raise InvalidValueError(
            f"sigma {strange:g} is no level of this network: it knows {levels} only. Train and sample with that "
            "ladder, or use a network for any sigma, as NCSNv2."
        )
    return index if index.ndim else int(index)

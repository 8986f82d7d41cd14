"""The time of an import in a new process."""

from __future__ import annotations


class Import:
    """asv: seconds of an import in a new process; NumPy's stands beside, for it is the larger part of ours."""

    params = (["numpy", "scorekit", "scorekit_numpy", "scorekit_torch"],)
    param_names = ("module",)
    number, rounds, repeat, warmup_time = 1, 1, (5, 7, 10.0), 0

    def timeraw_import(self, module):
        return f"import {module}"

"""Experiments on images: a TOML file says what is learned from what, and a run folder holds what came of it.

``scorekit train FILE.toml`` trains, ``scorekit sample RUN`` draws from what was learned, ``scorekit evaluate RUN``
measures the samples. A run folder has ``run.json`` (the experiment as it was read), ``checkpoints/``,
``history.jsonl``, ``previews/``, ``model/`` (the averaged weights) and ``samples/``.
"""

from __future__ import annotations

from scorekit.cli.experiment.evaluation import evaluate
from scorekit.cli.experiment.sampling import sample
from scorekit.cli.experiment.training import train

__all__ = ["evaluate", "sample", "train"]

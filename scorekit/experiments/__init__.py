"""Image experiments: a TOML file describes data, network and training, and a run folder contains the results.

``train`` runs an experiment, ``sample`` draws images from the trained model, ``evaluate`` computes metrics of the
samples, and ``compare`` computes distances between any two sets of images or features. The commands ``scorekit train
FILE.toml``, ``scorekit sample RUN``, ``scorekit evaluate RUN`` and ``scorekit compare A B`` call them. A run folder
contains ``run.json`` (the experiment), ``checkpoints/``, ``history.jsonl``, ``previews/``, ``model/`` (the EMA weights)
and ``samples/``.

>>> import tempfile
>>> from scorekit import experiments
>>> tiny = {
...     "backend": "numpy",
...     "data": {"name": "shapes", "n": 40, "size": 8},
...     "network": {"name": "MLP", "hidden": [8]},
...     "noise": {"kind": "log-uniform", "sigma_max": 1.0, "sigma_min": 0.1},
...     "train": {"steps": 2, "batch_size": 8},
...     "sampler": {"levels": 3},
... }
>>> with tempfile.TemporaryDirectory() as place:
...     run = experiments.train(tiny, place + "/run", progress=False)
...     samples = experiments.sample(run, 4, progress=False)
...     experiments.read_samples(samples).shape
(4, 1, 8, 8)
"""

from __future__ import annotations

from scorekit.experiments.comparison import Comparison, ComparisonRow, compare
from scorekit.experiments.config import Experiment, read_experiment
from scorekit.experiments.evaluation import evaluate
from scorekit.experiments.folder import RunFolder
from scorekit.experiments.parts import Parts
from scorekit.experiments.sampling import read_samples, sample
from scorekit.experiments.training import train

__all__ = [
    "Comparison",
    "ComparisonRow",
    "Experiment",
    "Parts",
    "RunFolder",
    "compare",
    "evaluate",
    "read_experiment",
    "read_samples",
    "sample",
    "train",
]

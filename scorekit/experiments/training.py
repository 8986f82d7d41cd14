"""Train the network of an experiment. Previews, history and checkpoints go to the run folder."""

from __future__ import annotations

import os
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import scorekit as sk
from scorekit._checks import check_count, check_path, check_positive
from scorekit.errors import InvalidValueError
from scorekit.experiments.config import Section, read_experiment
from scorekit.experiments.content import content_of
from scorekit.experiments.folder import RunFolder
from scorekit.experiments.parts import Parts
from scorekit.learning.process_group import this_process
from scorekit.storage.files import own_folder
from scorekit.training import JsonLines, TensorBoard, WarmupCosine
from scorekit.training.arguments import known_as
from scorekit.training.run import FitResult, FitState

__all__ = ["train"]


@dataclass(frozen=True)
class Plan:
    """The section [train].

    Args:
        steps: the total number of optimizer steps.
        batch_size: images per step; None for 128, or all if there are fewer.
        learning_rate, warmup, decay: the largest learning rate, the number of warmup steps, and whether cosine decay to
            zero follows.
        preview_every, preview_samples: steps between previews, 0 for no previews, and the number of samples in each.
        validate: compute the loss of the held-out images 20 times per run.
        options: further arguments of ``sk.fit``; ``"none"`` means None.
    """

    steps: int
    batch_size: int | None
    learning_rate: float
    warmup: int
    decay: bool
    preview_every: int
    preview_samples: int
    validate: bool
    options: Section

    @classmethod
    def of(cls, section: Section) -> Plan:
        """The plan that a section describes."""
        rest = section.take(*_OWN)[1]
        rest.check_keys([*_OWN, *_FIT, *_FIT_ON_TENSORS], known_as)
        decay, validate = section.flag("decay", default=True), section.flag("validate", default=False)
        with section.named():
            steps = check_count(section.get("steps", 10_000), "steps")
            warmup = check_count(section.get("warmup", min(100, steps // 10)), "warmup", minimum=0)
            return cls(
                steps=steps,
                batch_size=check_count(section.get("batch_size"), "batch_size")
                if "batch_size" in section.values
                else None,
                learning_rate=check_positive(section.get("learning_rate", 1e-3), "learning_rate"),
                warmup=warmup,
                decay=decay,
                preview_every=check_count(section.get("preview_every", 0), "preview_every", minimum=0),
                preview_samples=check_count(section.get("preview_samples", 64), "preview_samples"),
                validate=validate,
                options=rest,
            )

    @property
    def schedule(self) -> Callable[[int], float] | float:
        """The learning rate argument of ``sk.fit``."""
        if self.decay:
            return WarmupCosine(self.learning_rate, self.steps, self.warmup)
        return lambda step: self.learning_rate * min(1.0, (step + 1) / max(1, self.warmup))


_OWN = ("steps", "batch_size", "learning_rate", "warmup", "decay", "preview_every", "preview_samples", "validate")
_FIT = ("optimizer", "gradient_clip", "ema", "condition_dropout", "on_nonfinite", "checkpoint_every", "keep")
_FIT_ON_TENSORS = ("accumulate", "autocast", "channels_last", "compile", "noise")


def train(
    source: str | os.PathLike[str] | Mapping[str, Any],
    out: str | os.PathLike[str] | None = None,
    changes: Sequence[str] = (),
    *,
    progress: bool = True,
) -> Path:
    """Run an experiment, or resume it from its newest checkpoint.

    Args:
        source: the path of a TOML file, or its content as a mapping.
        out: the run folder; None for ``runs/NAME`` in the current folder, NAME the name of the experiment.
        changes: keys to change, such as ``"train.steps=100"``; paths are relative to the current folder.
        progress: show a progress bar.

    Returns:
        The run folder, for :func:`scorekit.experiments.sample` and :func:`scorekit.experiments.evaluate`.

    Raises:
        ValueError: the experiment has an unknown key or an invalid value.
        CheckpointError: the folder contains a run of another experiment or of other data, or a trained run without
            checkpoints; or it cannot be written.

    >>> import tempfile
    >>> from scorekit import experiments
    >>> tiny = {
    ...     "backend": "numpy",
    ...     "data": {"name": "shapes", "n": 40, "size": 8},
    ...     "network": {"name": "MLP", "hidden": [8]},
    ...     "train": {"steps": 2, "batch_size": 8},
    ... }
    >>> with tempfile.TemporaryDirectory() as place:
    ...     run = experiments.train(tiny, place + "/run", progress=False)
    ...     sorted(path.name for path in run.iterdir())
    ['checkpoints', 'history.jsonl', 'history.png', 'model', 'run.json']
    """
    experiment = read_experiment(source, changes)
    if out is not None:
        experiment = experiment.with_option(f"--out {shlex.quote(os.fspath(check_path(out, '--out')))}")
    parts, plan = Parts(experiment), Plan.of(experiment["train"])
    model, objective, data = parts.network(), parts.objective(), parts.training_data()
    parts.sampler()  # raises errors in [sampler] before training, not after it
    folder = RunFolder.begin(out or f"runs/{experiment.name}", experiment)
    folder.check_data(content_of(parts.data))
    _say(f"{parts.data[0]!r}\n{model!r}\nto {folder.path}/")
    if plan.options.values.get("compile"):
        _say("compile = true: the first step takes minutes")
    options: dict[str, Any] = {key: None if value == "none" else value for key, value in plan.options.values.items()}
    try:
        with plan.options.named():
            result = sk.fit(
                model,
                objective,
                data,
                steps=plan.steps,
                batch_size=plan.batch_size,
                learning_rate=plan.schedule,
                rng=experiment.seed,
                progress=progress,
                validation=parts.held_out() if plan.validate else None,
                callbacks=[_Accept(folder, parts), *_callbacks(folder, parts, plan)]
                if this_process().rank == 0
                else [],
                checkpoint=own_folder(folder.path, "checkpoints"),
                **options,
            )
    except BaseException as error:  # also SIGTERM: fit has written a checkpoint
        _save_result(folder, error)
        raise
    if this_process().rank == 0:
        folder.accept(_facts(parts))
        folder.save_model(result.model)
        _draw_history(result.history, folder.path / "history.png")
        _say(f"{result.step} steps; next: scorekit sample {folder.path} -n 64")
    if result.interrupted:
        raise KeyboardInterrupt
    return folder.path


def _facts(parts: Parts) -> dict[str, Any]:
    """What ``run.json`` says about the data: what sampling needs, and their content."""
    return {**parts.facts(), "data": content_of(parts.data)}


class _Accept:
    """A callback that accepts the experiment at its first step."""

    def __init__(self, folder: RunFolder, parts: Parts) -> None:
        self._folder, self._parts = folder, parts
        self._accepted = False

    def __call__(self, state: FitState) -> None:
        del state
        if not self._accepted:
            self._folder.accept(_facts(self._parts))
        self._accepted = True


def _save_result(folder: RunFolder, error: BaseException) -> None:
    """Save the EMA model of a run that ended with an error; a further error does not hide the first."""
    result: FitResult | None = getattr(error, "result", None)
    if result is None or not len(result.history) or this_process().rank > 0:
        return
    with suppress(sk.CheckpointError, OSError):
        folder.save_model(result.model)
        error.add_note(f"{folder.path} has the model of step {result.step}. The same command resumes the run.")


def _say(text: str) -> None:
    if this_process().rank == 0:
        print(text, file=sys.stderr)


def _callbacks(folder: RunFolder, parts: Parts, plan: Plan) -> list[Callable[[FitState], None]]:
    found: list[Any] = [JsonLines(folder.path / "history.jsonl")]
    if TensorBoard.installed():
        found.append(TensorBoard(own_folder(folder.path, "tensorboard")))
    return [*found, _Previews(folder, parts, plan)] if plan.preview_every else found


class _Previews:
    """A callback that draws grids of samples with the EMA weights during training."""

    def __init__(self, folder: RunFolder, parts: Parts, plan: Plan) -> None:
        self._folder, self._parts, self._every, self._n = folder, parts, plan.preview_every, plan.preview_samples

    def __call__(self, state: FitState) -> None:
        """Draw a grid every few steps, from the same noise. If this fails, warn and continue training."""
        if state.step % self._every:
            return
        try:
            self._draw(state)
        except (sk.DivergedError, sk.CheckpointError, InvalidValueError, OSError) as error:
            warnings.warn(f"no preview at step {state.step}: {error}", RuntimeWarning, stacklevel=2)

    def _draw(self, state: FitState) -> None:
        model, parts = state.learner.model, self._parts
        if parts.conditional:  # all classes in turn
            model = sk.models.condition(model, parts.on_device(np.arange(self._n) % len(parts.data[0].classes)))
        sampler, noise_levels = parts.sampler()
        stream = parts.backend.rng(("preview", parts.experiment.seed))
        start = parts.start(noise_levels, parts.like)(self._n, stream)
        samples = sampler.sample(parts.score(model, sampler, noise_levels), start, rng=stream)
        ax = sk.plot.image_grid(parts.as_images(samples.x), limits=(0.0, 1.0))
        sk.plot.write(ax.figure, own_folder(self._folder.path, "previews") / f"step-{state.step:09d}.png", close=True)
        self._folder.save_model(state.learner.model)


def _draw_history(history: Any, path: Path) -> None:
    ax = sk.plot.history(history)
    sk.plot.write(ax.figure, path, close=True)

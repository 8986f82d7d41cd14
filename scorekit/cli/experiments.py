"""The commands train, sample, evaluate and compare: their options. They call :mod:`scorekit.experiments`."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["add_to"]


def add_to(commands: Any) -> None:
    """Add the four commands. :mod:`scorekit.experiments` is imported when one of them runs."""
    _add_train(commands)
    _add_sample(commands)
    _add_evaluate(commands)
    _add_compare(commands)


def _add_train(commands: Any) -> None:
    train = commands.add_parser(
        "train",
        help="train a score model on images, as described in a TOML file",
        description="Run the experiment in a TOML file. Run the same command again to resume from the newest "
        "checkpoint. For examples see docs/experiments. "
        "For several devices: torchrun --nproc-per-node N -m scorekit train FILE.toml",
    )
    train.add_argument("file", metavar="FILE.toml", help="the experiment file")
    train.add_argument("--out", default=None, metavar="RUN", help="the run folder (default: runs/NAME)")
    train.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="change a key of the file; can be repeated; a path is relative to the current folder",
    )
    train.add_argument("--quiet", action="store_true", help="no progress bar")
    train.set_defaults(run=_train)


def _train(options: argparse.Namespace) -> None:
    from scorekit.experiments import train

    train(options.file, options.out, options.changes, progress=not options.quiet)


def _add_sample(commands: Any) -> None:
    sample = commands.add_parser(
        "sample",
        help="draw images from the trained model of a run",
        description="Draw images with the EMA weights of a run, in blocks. After an interruption, run the same command "
        "again to draw the missing blocks. Options default to those in the experiment file.",
    )
    sample.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    sample.add_argument("-n", type=int, default=64, help="number of images (default: %(default)s)")
    sample.add_argument("--sampler", default=None, help="sampler: consistent, annealed or langevin")
    sample.add_argument("--levels", type=int, default=None, help="number of noise levels")
    sample.add_argument("--steps-per-level", type=int, default=None, help="steps at each noise level")
    sample.add_argument("--step-size", type=float, default=None, help="step size epsilon, for annealed and langevin")
    sample.add_argument("--eta", type=float, default=None, help="eta, for consistent")
    sample.add_argument("--steps", type=int, default=None, help="number of steps, for langevin")
    sample.add_argument("--label", default=None, help="a class by index or name, or all, for a network with labels")
    sample.add_argument("--device", default=None, help="cpu, cuda, … (default: that of the run)")
    sample.add_argument("--block", type=int, default=32, help="images in memory at a time (default: %(default)s)")
    sample.add_argument("--seed", type=int, default=0, help="seed for sampling (default: %(default)s)")
    sample.add_argument("--png", action="store_true", help="also write each image as a file, png/000000.png, …")
    _add_set(sample)
    sample.add_argument("--quiet", action="store_true", help="no progress bar")
    sample.set_defaults(run=_sample)


def _add_set(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--set",
        dest="changes",
        action="append",
        default=[],
        metavar="data.KEY=PATH",
        help="the path of data that have moved, relative to the current folder",
    )


def _sample(options: argparse.Namespace) -> None:
    from scorekit.experiments import sample

    named = {
        "name": options.sampler,
        "levels": options.levels,
        "steps_per_level": options.steps_per_level,
        "step_size": options.step_size,
        "eta": options.eta,
        "steps": options.steps,
    }
    given = {key: value for key, value in named.items() if value is not None}
    with _stopped_by_signals():
        sample(
            options.run_folder,
            options.n,
            block=options.block,
            seed=options.seed,
            label=options.label,
            device=options.device,
            options=given,
            png=options.png,
            changes=options.changes,
            progress=not options.quiet,
        )


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """A context in which SIGTERM and SIGHUP raise ``SystemExit``, as Ctrl-C raises ``KeyboardInterrupt``."""

    def stop(number: int, frame: Any) -> None:
        del frame
        print(f"scorekit: stopped by {signal.Signals(number).name}.", file=sys.stderr)
        raise SystemExit(128 + number)

    numbers = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    usual = [number for number in numbers if signal.getsignal(number) is signal.SIG_DFL]  # nohup ignores SIGHUP
    if threading.current_thread() is not threading.main_thread():
        usual = []
    for number in usual:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number in usual:
            signal.signal(number, signal.SIG_DFL)


def _add_evaluate(commands: Any) -> None:
    evaluate = commands.add_parser(
        "evaluate",
        help="compute metrics of the samples of a run",
        description="Compute nearest neighbors in the training data, class proportions and feature distances. Without "
        "--classifier and --features, the classes (if the data have labels) and the distances come from pixels.",
    )
    evaluate.add_argument("run_folder", metavar="RUN", help="the folder of a run")
    evaluate.add_argument("--samples", default=None, metavar="FOLDER", help="folder of samples (default: the newest)")
    evaluate.add_argument(
        "--classifier", default=None, metavar="FILE.py:NAME", help="a function that maps images to labels"
    )
    evaluate.add_argument(
        "--features", default=None, metavar="FILE.py:NAME", help="a function that maps images to features"
    )
    evaluate.add_argument("--device", default=None, help="cpu, cuda, … (default: that of the run)")
    _add_set(evaluate)
    evaluate.set_defaults(run=_evaluate)


def _evaluate(options: argparse.Namespace) -> None:
    from scorekit.experiments import evaluate

    evaluate(
        options.run_folder,
        options.samples,
        classifier=options.classifier,
        features=options.features,
        device=options.device,
        changes=options.changes,
    )


def _add_compare(commands: Any) -> None:
    compare = commands.add_parser(
        "compare",
        help="compute distances between two sets of images or features",
        description="Fréchet and kernel distance, precision, recall, density and coverage of A (samples) and B (the "
        "reference, usually real images), with standard errors and the values of two samples of one distribution. A "
        "and B: a run (its newest samples), a folder of samples, a folder or a zip of images, an .npy or .npz file of "
        "images or features, or an .npz file with mu and sigma (the Fréchet distance alone).",
    )
    compare.add_argument("a", metavar="A", help="the samples")
    compare.add_argument("b", metavar="B", help="the reference")
    compare.add_argument(
        "--features",
        default=None,
        metavar="FILE.py:NAME",
        help="a function that maps images to features (default: principal components of the pixels)",
    )
    compare.add_argument("--neighbors", type=int, default=3, help="k of precision and recall (default: %(default)s)")
    compare.add_argument("--json", action="store_true", help="print JSON instead of a table")
    compare.set_defaults(run=_compare)


def _compare(options: argparse.Namespace) -> None:
    import json

    from scorekit.experiments import compare

    found = compare(options.a, options.b, options.features, neighbors=options.neighbors)
    print(json.dumps(found.plain(), indent=1) if options.json else found)

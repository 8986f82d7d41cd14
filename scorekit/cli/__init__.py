"""The command line: a thin skin over the library."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from scorekit import __version__
from scorekit.cli import experiments
from scorekit.errors import ScorekitError

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run ``scorekit …``; returns the exit status: 0, 1 for an error, 130 after Ctrl-C.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    parser = argparse.ArgumentParser(prog="scorekit", description="Score matching and score-based generative modeling.")
    parser.add_argument("--version", action="version", version=f"scorekit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_demo(commands)
    experiments.add_to(commands)
    _add_doctor(commands)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        print("\nTo begin: scorekit demo", file=sys.stderr)
        return 2
    try:
        status: int | None = options.run(options)
    except (ScorekitError, OSError) as error:  # a file in the place of a folder, a folder without rights
        print(f"scorekit: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("scorekit: stopped by Ctrl-C.", file=sys.stderr)
        return 130
    return status or 0


def _add_demo(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="the toy experiments: true and learned fields, chains, and the proportions between modes",
        description="Learn the scores of toy densities, sample them, and write tables and figures to a folder.",
    )
    demo.add_argument("name", nargs="?", default=None, metavar="NAME", help="gmm, banana, swiss-roll or all")
    demo.add_argument("--backend", default="numpy", help="numpy (default), or another that sk.backends() lists")
    demo.add_argument("--out", default="scorekit-demo", help="folder for the figures (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=0, help="seed of data, training and sampling (default: %(default)s)")
    demo.add_argument("--quick", action="store_true", help="a rough version in a quarter of a minute")
    demo.set_defaults(run=_run_demo)


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="versions, devices, what is missing and how to get it",
        description="Look at the installation. The exit status is 0 when all that is needed works.",
    )
    doctor.set_defaults(run=_run_doctor)


def _run_doctor(options: argparse.Namespace) -> int:
    del options
    from scorekit.cli.doctor import run

    return run()


def _run_demo(options: argparse.Namespace) -> None:
    # the products of toy networks are too small to share: a second BLAS thread makes them slower. Read by NumPy
    # when it is first imported, which is below.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from scorekit.cli.demo import run

    run(options.name, backend=options.backend, out=options.out, seed=options.seed, quick=options.quick)

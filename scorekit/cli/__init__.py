"""The command line interface."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from scorekit import __version__
from scorekit.cli import experiments
from scorekit.cli.parser import Parser
from scorekit.errors import ScorekitError, reason_of

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command ``scorekit``.

    Returns the exit status: 0, 1 for an error, 2 for wrong usage, 130 after Ctrl-C, 141 if nobody reads the output.
    An error is one line on standard error. ``python -X dev -m scorekit …`` gives the traceback instead.

    >>> main(["--version"])
    Traceback (most recent call last):
    SystemExit: 0
    """
    parser = Parser(prog="scorekit", description="Score matching and score-based generative modeling.")
    parser.add_argument("--version", action="version", version=f"scorekit {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _add_demo(commands)
    experiments.add_to(commands)
    _add_doctor(commands)
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help(sys.stderr)
        print("\nTo start: scorekit demo", file=sys.stderr)
        return 2
    try:
        status: int | None = options.run(options)
        sys.stdout.flush()
    except BrokenPipeError:  # as in scorekit doctor | head: the reader has what it wants
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115 (for the flush at the end of the process)
        return 141
    except (ScorekitError, OSError) as error:  # for instance a file where a folder is expected, or no write permission
        print("\n".join([f"scorekit: {error}", *getattr(error, "__notes__", [])[-1:]]), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("scorekit: stopped by Ctrl-C.", file=sys.stderr)
        return 130
    except Exception as error:
        if sys.flags.dev_mode:
            raise
        print(f"scorekit: {reason_of(error)}. For the traceback: python -X dev -m scorekit …", file=sys.stderr)
        return 1
    return status or 0


def _add_demo(commands: argparse._SubParsersAction[Parser]) -> None:
    demo = commands.add_parser(
        "demo",
        help="toy experiments: true and learned score fields, chains, and mode proportions",
        description="Learn the scores of toy distributions, draw samples, print tables and write figures to a folder.",
    )
    demo.add_argument("name", nargs="?", default=None, metavar="NAME", help="gmm, banana, swiss-roll or all")
    demo.add_argument("--backend", default="numpy", help="numpy (default), or another backend of sk.backends()")
    demo.add_argument("--out", default="scorekit-demo", help="folder for the figures (default: %(default)s)")
    demo.add_argument("--seed", type=int, default=0, help="seed for data, training and sampling (default: %(default)s)")
    demo.add_argument("--quick", action="store_true", help="less accurate, in about 15 seconds")
    demo.set_defaults(run=_run_demo)


def _add_doctor(commands: argparse._SubParsersAction[Parser]) -> None:
    doctor = commands.add_parser(
        "doctor",
        help="check the installation: versions, devices, missing packages",
        description="Check the installation. The exit status is 0 if all required parts work.",
    )
    doctor.set_defaults(run=_run_doctor)


def _run_doctor(options: argparse.Namespace) -> int:
    del options
    from scorekit.cli.doctor import run

    return run()


def _run_demo(options: argparse.Namespace) -> None:
    # matrix products of toy networks are small, and more BLAS threads make them slower. NumPy reads this variable when
    # it is first imported, which is below.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    from scorekit.cli.demo import run

    run(options.name, backend=options.backend, out=options.out, seed=options.seed, quick=options.quick)

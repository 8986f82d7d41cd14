"""The argument parser of the command line: one line for each mistake, with the closest known name."""

from __future__ import annotations

import argparse
import re
import sys
from typing import NoReturn

from scorekit._checks import did_you_mean

__all__ = ["Parser"]


class Parser(argparse.ArgumentParser):
    """A parser whose errors are one line on standard error; the exit status is 2.

    >>> parser = Parser(prog="scorekit train")
    >>> _ = parser.add_argument("--steps", type=int)
    >>> parser.parse_args(["--stepps", "3"])
    Traceback (most recent call last):
        ...
    SystemExit: 2
    """

    def error(self, message: str) -> NoReturn:
        """Print the message with a suggestion, and exit with status 2."""
        print(f"{self.prog}: {message}.{self._suggestion(message)} See {self.prog} --help.", file=sys.stderr)
        sys.exit(2)

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """Refuse an unknown option here, where the parser of the command knows the closest one."""
        found, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found, unknown

    def _suggestion(self, message: str) -> str:
        wrong = re.search(r"(?:unrecognized arguments: |invalid choice: ')([\w-]+)", message)
        return did_you_mean(wrong[1], self._names()) if wrong else ""

    def _names(self) -> list[str]:
        commands = [name for action in self._actions for name in action.choices or () if isinstance(name, str)]
        return [*self._option_string_actions, *commands]

"""Read and check experiment files in TOML. An unknown key raises an error that suggests the closest known key.

Paths in a file are relative to the file; those of ``--set`` and of a mapping are relative to the current folder. They
become absolute when the experiment is read. A key is a path if the function that it goes to annotates it as one.
"""

from __future__ import annotations

import copy
import inspect
import os
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scorekit._catalogue import DATASETS, by_name
from scorekit._checks import check_count, check_option, check_path, did_you_mean
from scorekit._reading import check_depth, read_bytes
from scorekit.errors import DatasetError, InvalidTypeError, InvalidValueError, describe

__all__ = ["Experiment", "Section", "read_experiment"]

SECTIONS = ("data", "network", "noise", "objective", "train", "sampler")
_TOP = ("name", "seed", "backend", "device")
_AT_MOST = 1 << 20  # bytes of an experiment file
_LONG_KEY = re.compile(r"""(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){50}""")


@dataclass(frozen=True)
class Section:
    """One section: its keys and values, its location for messages, and the command that changes a key."""

    where: str
    values: Mapping[str, Any]
    command: str = ""

    def take(self, *names: str) -> tuple[dict[str, Any], Section]:
        """The values of these keys that are present, and the section without them."""
        taken = {key: value for key, value in self.values.items() if key in names}
        return taken, replace(self, values={k: v for k, v in self.values.items() if k not in names})

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a key."""
        return self.values.get(name, default)

    def flag(self, name: str, *, default: bool) -> bool:
        """The value of a boolean key."""
        value = self.values.get(name, default)
        with self.named():
            check_option(value, name, (True, False))
        return bool(value)

    def check_keys(self, known: Sequence[str], translate: Callable[[str], str | None] = lambda key: None) -> None:
        """Raise an error for an unknown key, and suggest the closest known one, or what ``translate`` makes of it."""
        unknown = [key for key in self.values if key not in known]
        if not unknown:
            return
        told = translate(unknown[0])
        hint = f" Did you mean {told!r}?" if told in known else did_you_mean(unknown[0], known)
        raise InvalidValueError(f"{self.where}: unknown key {unknown[0]!r}.{hint} Keys: {', '.join(sorted(known))}.")

    def choose(self, known: Mapping[str, Any], default: str | None = None, key: str = "name") -> Any:
        """The entry of ``known`` that the value of ``key`` selects."""
        if key not in self.values and default is None:
            raise InvalidValueError(f"{self.where}: the key {key!r} is missing: expected one of {', '.join(known)}.")
        with self.named():
            check_option(self.values.get(key, default), key, tuple(known))
        return known[self.values.get(key, default)]

    def call(self, function: Callable[..., Any], *more: str, **fixed: Any) -> Any:
        """Call ``function`` with the keys and the ``fixed`` arguments; a key that is not a parameter raises an error.

        ``more`` are further keys that messages list as known.
        """
        parameters = inspect.signature(function).parameters
        own = [name for name in parameters if name not in fixed]
        self.check_keys([*own, *more])
        missing = [
            name for name in own if parameters[name].default is inspect.Parameter.empty and name not in self.values
        ]
        if missing:
            raise InvalidValueError(f"{self.where}: the key {missing[0]!r} is missing: write {missing[0]} = …")
        with self.named(*path_keys(function)):
            return function(**{**self.values, **fixed})

    @contextmanager
    def named(self, *paths: str) -> Iterator[None]:
        """A context that adds the location of the section to error messages; and, to those about data files, how to
        change the keys in ``paths``.
        """
        try:
            yield
        except (InvalidValueError, InvalidTypeError) as error:
            given = [key for key in paths if key in self.values]
            elsewhere = isinstance(error, DatasetError) and self.command and given
            hint = f" If the data are elsewhere: {self.command} --set data.{given[0]}=PATH" if elsewhere else ""
            raise type(error)(f"{self.where}: {error}{hint}") from error


@dataclass(frozen=True)
class Experiment:
    """The checked content of an experiment file: its sections and its top-level keys.

    >>> from scorekit.experiments import read_experiment
    >>> read_experiment({"seed": 7, "train": {"steps": 100}})["train"].values
    {'steps': 100}
    """

    name: str
    seed: int
    backend: str
    device: str
    sections: Mapping[str, Section]

    def __getitem__(self, name: str) -> Section:
        return self.sections[name]

    def with_option(self, option: str) -> Experiment:
        """The same experiment, with an option in the command that messages suggest."""
        sections = {
            name: replace(section, command=section.command and f"{section.command} {option}")
            for name, section in self.sections.items()
        }
        return replace(self, sections=sections)

    def plain(self) -> dict[str, Any]:
        """All values as read, for ``run.json``."""
        above = {"name": self.name, "seed": self.seed, "backend": self.backend, "device": self.device}
        return above | {name: dict(section.values) for name, section in self.sections.items()}


def read_experiment(source: str | os.PathLike[str] | Mapping[str, Any], changes: Sequence[str] = ()) -> Experiment:
    """Read an experiment from a TOML file, or from a mapping of the same form.

    Args:
        source: the path of a TOML file, or its content as a mapping. Paths in a file are relative to the file, those in
            a mapping to the current folder; both become absolute.
        changes: keys to change, such as ``"train.steps=100"``; paths are relative to the current folder.

    Raises:
        ValueError: the file cannot be read or is not TOML; a key is unknown; a change has the wrong form; the seed is
            negative.
        TypeError: a section or a top-level value has the wrong type.

    >>> read_experiment({"train": {"steps": 100}}, ["train.steps=200", "device=cpu"])["train"].get("steps")
    200
    """
    if isinstance(source, Mapping):
        content: dict[str, Any] = copy.deepcopy(dict(source))
        where, name, base, command = "the experiment", "experiment", Path(), ""
    else:
        file = check_path(source, "source")
        content, where, name, base = _content(file), str(file), file.stem, file.parent
        command = f"scorekit train {shlex.quote(str(file))}"
    return as_experiment(changed(content, _checked_changes(changes), base), where, name, command)


def path_keys(function: Callable[..., Any] | None) -> tuple[str, ...]:
    """The parameters of a function that are paths: those with ``os.PathLike`` in their annotation.

    >>> from scorekit.datasets import celeba, digits
    >>> path_keys(celeba), path_keys(digits)
    (('folder',), ())
    """
    parameters = {} if function is None else inspect.signature(function).parameters
    return tuple(name for name, parameter in parameters.items() if "PathLike" in str(parameter.annotation))


def data_paths(content: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of ``[data]`` that are paths; none for an unknown data set."""
    data = content.get("data")
    name = data.get("name") if isinstance(data, dict) else None
    return path_keys(by_name(DATASETS).get(name) if isinstance(name, str) else None)


def changed(content: dict[str, Any], changes: Sequence[str], base: Path = Path()) -> dict[str, Any]:
    """The content with these changes and with absolute paths. Paths that are not changed are relative to ``base``."""
    for change in changes:
        _apply(content, change)
    new = {change.partition("=")[0].strip() for change in changes}
    for key in data_paths(content):
        value = content["data"].get(key)
        if isinstance(value, os.PathLike):
            value = os.fspath(value)
        if isinstance(value, str) and value:
            root = Path() if new & {"data", f"data.{key}"} else base
            content["data"][key] = os.path.abspath(root / os.path.expanduser(value))
    return content


def _checked_changes(changes: Any) -> Sequence[str]:
    wrong = [c for c in changes if not isinstance(c, str)] if isinstance(changes, (tuple, list)) else [changes]
    if wrong:
        raise InvalidTypeError(f'changes is {changes!r}: expected a list of strings, for instance ["train.steps=100"].')
    return list(changes)


def _content(file: Path) -> dict[str, Any]:
    try:
        text = read_bytes(file, _AT_MOST).decode()
        if _LONG_KEY.search(text):  # the time of tomllib is quadratic in the length of a dotted key
            raise RecursionError
        content = tomllib.loads(text)
        check_depth(content)
    except tomllib.TOMLDecodeError as error:
        raise InvalidValueError(f"{file} is not TOML: {error}.") from error
    except RecursionError as error:
        raise InvalidValueError(f"{file} is not an experiment: its values nest too deeply.") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InvalidValueError(f"cannot read {file} ({reason}): expected an experiment file in TOML.") from error
    return content


def as_experiment(content: Mapping[str, Any], where: str, name: str, command: str = "") -> Experiment:
    """The experiment that a mapping of sections describes. ``command`` with ``--set`` changes one of its keys."""
    if not isinstance(content, dict):
        raise InvalidTypeError(f"{where} is not an experiment: expected sections, got a {describe(content)}.")
    Section(where, content).check_keys([*_TOP, *SECTIONS])
    sections = {}
    for key in SECTIONS:
        values = content.get(key, {})
        if not isinstance(values, dict):
            raise InvalidTypeError(f"{where}: {key} is {values!r}: expected a section, [{key}].")
        sections[key] = Section(f"{where}, [{key}]", values, command)
    return Experiment(
        name=_text(content, "name", name, where),
        seed=check_count(content.get("seed", 0), f"{where}: seed", minimum=0),
        backend=_text(content, "backend", "torch", where),
        device=_text(content, "device", "auto", where),
        sections=sections,
    )


def _text(content: Mapping[str, Any], key: str, default: str, where: str) -> str:
    value = content.get(key, default)
    if not isinstance(value, str) or not value or "/" in value or value.startswith("."):
        raise InvalidTypeError(f"{where}: {key} is {value!r}: expected a name.")
    return value


def _apply(content: dict[str, Any], change: str) -> None:
    """Apply ``section.key=value``. The value has TOML syntax; True and False are also booleans, other words strings."""
    key, equals, value = change.partition("=")
    *path, name = key.strip().split(".")
    if not equals or not name:
        raise InvalidValueError(
            f"--set {change!r}: expected SECTION.KEY=VALUE, for instance train.steps=100; in Python "
            'changes=["train.steps=100"].'
        )
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        word = value.strip()
        parsed = {"True": True, "False": False}.get(word, word)
    place: Any = content
    for step in path:
        place = place.setdefault(step, {})
        if not isinstance(place, dict):
            raise InvalidValueError(
                f"--set {change!r} (changes): {step} is not a section: expected one of {', '.join(SECTIONS)}."
            )
    place[name] = parsed

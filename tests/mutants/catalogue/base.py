"""What a seeded bug is."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Mutant"]


@dataclass(frozen=True)
class Mutant:
    """One bug: ``before``, which occurs exactly once in ``file``, becomes ``after``; ``why`` says what is wrong."""

    name: str
    file: str
    before: str
    after: str
    why: str

    def apply(self, source: str) -> str:
        """The mutated source; refused when ``before`` does not occur exactly once."""
        found = source.count(self.before)
        if found != 1:
            raise ValueError(f"{self.name}: the snippet occurs {found} times in {self.file}, expected once.")
        return source.replace(self.before, self.after)

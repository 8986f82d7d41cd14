"""The parts of a data set in names of files, folders and arrays: train, val and test."""

from __future__ import annotations

from collections.abc import Collection

__all__ = ["SPLITS", "has_word", "split_of"]

SPLITS = {
    "train": frozenset({"train", "training"}),
    "val": frozenset({"val", "valid", "validation", "dev"}),
    "test": frozenset({"test", "testing"}),
}


def has_word(name: str, words: Collection[str]) -> bool:
    """Whether one of the words that a name consists of is among ``words``.

    >>> has_word("train_images", {"images"}), has_word("retrain", SPLITS["train"])
    (True, False)
    """
    return any(word in words for word in "".join(c if c.isalnum() else " " for c in name.lower()).split())


def split_of(name: str) -> list[str]:
    """The parts that a name contains."""
    return [split for split, words in SPLITS.items() if has_word(name, words)]

"""JSON files with a checksum of their own content. The text is a function of the content, so every byte is verified."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scorekit._reading import parse_json, read_bytes
from scorekit.errors import CheckpointError

__all__ = ["read_sealed", "seal"]

_AT_MOST = 32 << 20  # bytes; parsed JSON can take forty times the memory of its text


def seal(content: Mapping[str, Any]) -> bytes:
    r"""The text of a JSON object with the additional key ``checksum``, the SHA-256 of the content.

    Raises:
        CheckpointError: the text would be larger than :func:`read_sealed` reads.

    >>> seal({"a": 1}).decode()[:20]
    '{\n "a": 1,\n "checksu'
    """
    checksum = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    text = json.dumps({**content, "checksum": checksum}, indent=1).encode()
    if len(text) > _AT_MOST:
        raise CheckpointError(f"the description has {len(text):,} bytes as JSON: expected at most {_AT_MOST:,}.")
    return text


def read_sealed(path: Path) -> tuple[Any, bool]:
    """The content of a file that :func:`seal` made, and True; any other JSON value, and False.

    Raises:
        OSError, ValueError: the file cannot be read, or is not JSON text.
        CheckpointError: the content does not match the checksum.
    """
    text = read_bytes(path, _AT_MOST)
    content = parse_json(text)
    if not isinstance(content, dict) or not isinstance(content.get("checksum"), str):
        return content, False
    del content["checksum"]
    if text != seal(content):
        raise CheckpointError(f"{path.parent} is damaged: {path.name} does not match its checksum.")
    return content, True

"""The page on evaluation runs as it stands, and says what it shows."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "docs" / "evaluation.md"


def test_the_page_runs_and_finds_the_wrong_proportions_and_nothing_else(capsys):
    found = {}
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL)
    exec(compile("\n".join(blocks), str(PAGE), "exec"), found)
    printed = capsys.readouterr().out
    assert printed.count("  *\n") == 2
    sk, held_out, training = found["sk"], found["held_out"], found["training"]
    assert sk.metrics.memorization(found["samples"], training, held_out).p_value > 1e-3
    fair = sk.metrics.class_proportions(held_out, found["classify"], truth=[0.2, 0.8])
    assert fair.p_value > 1e-3
    assert "corrected" in printed


def test_what_it_links_to_is_there():
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", PAGE.read_text(encoding="utf-8")):
        assert (PAGE.parent / target).exists(), target

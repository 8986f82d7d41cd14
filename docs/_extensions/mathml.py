"""Mathematics as MathML, which browsers draw by themselves: no script, no web font, no network, and readable aloud."""

from __future__ import annotations

import re
from typing import Any
from unicodedata import lookup

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.locale import _
from sphinx.util import logging
from sphinx.util.math import get_node_equation_number

__all__ = ["mathml", "setup", "unknown"]

logger = logging.getLogger(__name__)

SYNONYMS = {
    r"\\[bB]igg?[lr]?(?=\\[lr][vV]ert\b)": "",  # bars always grow with what they hold
    r"\\[bB]igg?l(?=[(\[])": r"\\left",  # and so do the others: browsers know best
    r"\\[bB]igg?r(?=[)\]])": r"\\right",
    r"\\lvert\b": r"\\left|",
    r"\\rvert\b": r"\\right|",
    r"\\lVert\b": r"\\left\\|",
    r"\\rVert\b": r"\\right\\|",
    r"(begin|end)\{aligned\}": r"\1{split}",
}
"""What the converter does better, or only, under another name."""


_OPENS = r"<mo>&#x0003D;</mo>|<mo[^>]*>(?:&#x00028;|\(|\[|&#x0005B;)</mo>"
REPAIRS = {
    r"(<mi>(?:log|exp)</mi>)(?!<mo[^>]*>(?:&#x00028;|\()</mo>)": r'\1<mspace width="0.167em" />',
    r"<mo>([A-Za-z]{2,})</mo>(?=<mo[^>]*>(?:&#x00028;|\()</mo>)": r'<mo lspace="0.167em" rspace="0">\1</mo>',
    r"<mo>([A-Za-z]{2,})</mo>": r'<mo lspace="0.167em" rspace="0.167em">\1</mo>',
    r"<mi>&#x0007E;</mi>": "<mo>&#x0223C;</mo>",  # the relation, not the letter
    r"<mo>&#x0002F;</mo>": '<mo lspace="0" rspace="0">/</mo>',
    rf"({_OPENS})<mo>&#x02212;</mo>": r'\1<mo form="prefix">&#x02212;</mo>',  # a sign, not a difference
    r'<mi mathvariant="double-struck">(.)</mi>': lambda found: f"<mi>{_double_struck(found[1])}</mi>",
}
"""What it leaves to be wished for in what it makes."""


def mathml(latex: str, display: str) -> str:
    """One formula as a ``<math>`` element; ``display`` is ``"inline"`` or ``"block"``.

    >>> mathml("x", "inline")
    '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline"><mrow><mi>x</mi></mrow></math>'
    >>> "𝔼" in mathml(r"\\mathbb E", "inline"), "ℝ" in mathml(r"\\mathbb R", "inline")
    (True, True)
    """
    for ours, theirs in SYNONYMS.items():
        latex = re.sub(ours, theirs, latex)
    made = convert(latex, display=display)
    for plain, better in REPAIRS.items():
        made = re.sub(plain, better, made)
    return made


def _double_struck(letter: str) -> str:
    """Browsers know one variant, normal: the others are letters of their own."""
    return lookup(f"{'' if letter in 'CHNPQRZ' else 'MATHEMATICAL '}DOUBLE-STRUCK CAPITAL {letter}")


def unknown(made: str) -> list[str]:
    r"""The commands that came through as words, since the converter does not know them, and stray alignment marks.

    >>> unknown(mathml(r"\frac{a}{b} \nonsense", "inline"))
    ['\\nonsense']
    """
    return re.findall(r"\\[A-Za-z]+|\\[^<]|<mi>&</mi>", made)


def _convert(node: Any, display: str) -> str:
    made = mathml(node.astext(), display)
    if lost := unknown(made):
        logger.warning("no MathML for %s in %r: write it with other commands", lost, node.astext(), location=node)
    return made


def _visit_inline(self: Any, node: nodes.math) -> None:
    self.body.append(f'<span class="math notranslate">{_convert(node, "inline")}</span>')
    raise nodes.SkipNode


def _visit_display(self: Any, node: nodes.math_block) -> None:
    self.body.append(self.starttag(node, "div", CLASS="math notranslate"))
    self.body.append(f'<div class="formula">{_convert(node, "block")}</div>')
    if node["number"]:
        self.body.append(f'<span class="eqno">({get_node_equation_number(self, node)})')
        self.add_permalink_ref(node, _("Link to this equation"))
        self.body.append("</span>")
    self.body.append("</div>\n")
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, Any]:
    """Make this the renderer of mathematics."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_display, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}

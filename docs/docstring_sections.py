"""Prepares the docstrings of this package for mkdocstrings.

Their examples stand at the margin below `Example:`, as in Keras. Markdown takes
the `>>>` of a doctest for quotations, so each doctest becomes a block of code.
"""

import re

import griffe

DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)  # up to a blank line


class DocstringSections(griffe.Extension):
    """Makes blocks of code of doctests."""

    def on_instance(self, *, node, obj, agent, **kwargs):
        if obj.docstring:
            text = re.sub(
                r"^Example:$", "**Example**", obj.docstring.value, flags=re.M
            )
            obj.docstring.value = DOCTEST.sub(as_code, text)


def as_code(doctest):
    """Puts a fence around a doctest."""
    return f"```pycon\n{doctest[0]}\n```"

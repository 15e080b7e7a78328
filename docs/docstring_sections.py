"""Prepares the docstrings of this package for mkdocstrings.

As in Keras, they have a section `Call arguments:`, and their examples stand at
the margin below `Example:`. Here the arguments become a list, and a doctest,
whose `>>>` Markdown takes for quotations, becomes a block of code.
"""

import re

import griffe

CALL_ARGUMENTS = re.compile(
    r"^Call arguments:\n(?: {4}.*\n?|\n)*", re.MULTILINE
)
ARGUMENT = re.compile(r"^ {4}(\*{0,2}\w+):", re.MULTILINE)
EXAMPLE = re.compile(r"^Example:$", re.MULTILINE)
DOCTEST = re.compile(r"^>>> .*(?:\n.+)*", re.MULTILINE)  # up to a blank line


class DocstringSections(griffe.Extension):
    """Changes the text of every docstring."""

    def on_instance(self, *, node, obj, agent, **kwargs):
        if obj.docstring:
            obj.docstring.value = prepare(obj.docstring.value)


def prepare(text):
    """Makes lists of call arguments and blocks of code of doctests."""
    text = CALL_ARGUMENTS.sub(
        lambda section: ARGUMENT.sub(r"    - `\1`:", section[0]), text
    )
    text = EXAMPLE.sub("**Example**", text)
    return DOCTEST.sub(lambda doctest: f"```pycon\n{doctest[0]}\n```", text)

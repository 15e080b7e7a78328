import re
import xml.etree.ElementTree

from matplotlib.figure import Figure

from nfs_keras.report.blocks import chart
from nfs_keras.report.style import INK


def draw():
    figure = Figure((3, 2))
    axes = figure.subplots()
    axes.plot([1, 2], label="<script>&", color=INK, clip_on=True)
    axes.legend()
    return chart(figure, "a line", "A line.")


def test_a_chart_is_inline_svg_and_well_formed():
    svg = draw().svg
    assert svg.startswith("<svg")
    xml.etree.ElementTree.fromstring(svg)


def test_words_in_a_chart_are_escaped_text():
    svg = draw().svg
    assert "&lt;script&gt;&amp;" in svg
    assert "<script" not in svg


def test_a_chart_takes_the_ink_of_the_page():
    svg = draw().svg
    assert INK not in svg
    assert "currentColor" in svg


def test_drawings_of_one_page_share_no_id():
    drawing = draw()
    ids = [re.findall(r'id="([^"]+)"', drawing.drawing(k)) for k in (0, 1)]
    assert ids[0] and not set(ids[0]) & set(ids[1])


def test_every_reference_in_a_drawing_has_its_target():
    drawing = draw().drawing(7)
    ids = re.findall(r'id="([^"]+)"', drawing)
    references = re.findall(r'(?:href="#|url\(#)([^")]+)', drawing)
    assert references and set(references) <= set(ids)


def test_the_same_figure_gives_the_same_bytes():
    assert draw() == draw()

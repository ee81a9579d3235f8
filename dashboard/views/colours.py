"""Colours that stay apart for colour-blind eyes (Okabe and Ito 2008)."""

BLUE, ORANGE, VERMILION, GREEN, PINK, SKY, GREY = "#0072B2", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#8A949E"

KINDS = {"play": BLUE, "pause": ORANGE, "skip": VERMILION, "complete": GREEN, "like": PINK, "rate": SKY}
"""Colour of each kind of event, on every page."""

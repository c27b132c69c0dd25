"""The kinds of stretch by name; light, so that the options of commands can name them."""

STRETCHES = ("none", "minmax", "percentile")
OVER = ("image", "set")  # what has one range

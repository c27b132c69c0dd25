"""One file per metric or family of metrics. Each file that defines a metric here is found; nothing else is
edited.
"""

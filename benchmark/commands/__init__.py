"""One file per command of `bench`: each defines `command`, and is found by its name.

Commands read options and print; what more than one of them or a Python caller wants lives in the other rooms, all of
which they may import.
"""

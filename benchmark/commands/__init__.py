"""One file per command of `bench`: each defines `command`, and is found by its name."""

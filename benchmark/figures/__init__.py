"""Figures of a report, each as vector PDF and as PNG.

`style` says how all of them look. `scores` draws what is measured, `grid` shows the fused images themselves,
`training` the course of a training run.
"""

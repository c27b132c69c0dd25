"""Figures as vector PDF and as PNG: of scores, cost and detection, of fused images, of training.

`style` says how all of them look. Rests on what `report` has measured, `worth`, `detection`, `run`, `datasets`,
`imaging` and `store`.
"""

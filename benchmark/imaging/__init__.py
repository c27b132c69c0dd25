"""Pictures in files and in memory: one way to read them, one way to save them, luminance and colour.

Rests on the PNG kernel of `metrics`.
"""

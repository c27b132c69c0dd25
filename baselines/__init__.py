"""Fusers: two luminance images in, one out."""

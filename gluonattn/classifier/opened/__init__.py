"""Torch classifiers that other programs trained, opened for the same explanations as this package's own."""

"""Classifiers that other programs trained, opened for the same explanations as ours: torch modules with a tokenizer."""

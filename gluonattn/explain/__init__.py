"""Sentence -> prediction and attention record."""

"""Capture attention from other people's Transformers: one file for each framework, with the same functions in each.

``with capture(model) as recorder: model(...)`` and then ``recorder.records(...)``. The model's code,
weights, mode, settings and outputs stay unchanged. Everything that was switched is restored, also
after an exception.
"""

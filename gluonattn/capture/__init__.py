"""Attention out of other people's Transformers: one file a framework, the same verbs in each.

``with capture(model) as recorder: model(...)`` and then ``recorder.records(...)``. The model's code,
weights, mode, settings and outputs stay as they are; what was switched is switched back, also after
an exception.
"""

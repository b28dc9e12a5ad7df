"""Serve a model over HTTP: a page to type sentences into, a JSON API and the Open Inference Protocol.

`server` listens and stops, `app` maps addresses to functions, `guard` checks requests, `worker` computes in batches, and
`models` has the models. It needs the extra ``serve``.
"""

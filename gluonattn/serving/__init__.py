"""A model behind HTTP: the page to type into, a JSON API, the Open Inference Protocol.

`server` listens and stops, `app` maps addresses to functions, `guard` checks requests, `worker` computes in batches, and
`models` holds the models. Needs the extra ``serve``.
"""

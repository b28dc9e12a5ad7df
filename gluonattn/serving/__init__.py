"""A model behind HTTP: the page to type into, a JSON API, the Open Inference Protocol.

`server` listens and stops, `app` knows the addresses, `guard` refuses, `worker` computes in batches, `models` holds
what is served. Needs the extra ``serve``.
"""

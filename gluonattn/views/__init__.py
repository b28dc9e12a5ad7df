"""Record -> picture. Data first, options keyword-only, ``.show()`` is the caller's."""

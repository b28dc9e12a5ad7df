"""Draw records. Data comes first, options are keyword-only, and the caller calls ``.show()``."""

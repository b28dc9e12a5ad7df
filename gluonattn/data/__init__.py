"""NSMC, the bundled sample, any table of reviews; vocabulary and length-bucketed batches."""

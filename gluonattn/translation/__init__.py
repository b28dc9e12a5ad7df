"""Translation: a Transformer trained on the user's sentence pairs, and what its heads learn from epoch to epoch."""

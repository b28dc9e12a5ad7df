"""Translation: a Transformer that learns from anyone's sentence pairs, and what its heads learn from epoch to epoch."""

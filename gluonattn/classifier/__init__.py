"""The classifier: network, training, prediction, explanations and their comparison."""

"""From a model's own failures to a better model: preference pairs, and what is trained on them."""

"""Alignment: from a model's own failures to a better model."""

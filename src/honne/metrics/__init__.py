"""Metrics: pure functions from a view of judgments to measures, and what is made of measures (estimates, comparisons).

A metric is one file with `PLUGIN = function(view)`. It says what each unit's value is and nothing else: intervals,
slices, macro means and bounds come from `_estimate`, paired differences from `_compare`.
"""

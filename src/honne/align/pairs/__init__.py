"""Preference pairs, by source: one small file each. Every source is a class that `_base.Source` describes.

The other files make one set of pairs of what the sources give: `_make.py` (the whole), `_spool.py` (kept on disk),
`_select.py` and `_split.py` (which pairs, in which order, in which part), `_stats.py`, `_write.py`, `_read.py`.
"""

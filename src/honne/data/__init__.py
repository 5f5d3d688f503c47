"""Dataset files: where they are, whether they are what upstream published, how to fetch and how to read them.

A file is looked for in `HONNE_DATA` (layout `DIR/<dataset>/<file>[.gz]`), then in the user's cache (`HONNE_CACHE`, else
`XDG_CACHE_HOME/honne`, else `~/.cache/honne`; below it `data/<dataset>/<file>`). It is compared, uncompressed, with the
sha256 that its benchmark names; a copy that differs is used, and said so (`Resolved.matches`).
Nothing in a dataset is ever executed.
"""

from honne.data._fetch import fetch
from honne.data._find import (
    Resolved,
    cache_path,
    cache_root,
    catalogue,
    load,
    locate,
    named,
    read_rows,
    read_text,
    resolve,
)
from honne.data._runs import RecordedRun, pick_judge, read_run

__all__ = [
    "RecordedRun",
    "Resolved",
    "cache_path",
    "cache_root",
    "catalogue",
    "fetch",
    "load",
    "locate",
    "named",
    "pick_judge",
    "read_rows",
    "read_run",
    "read_text",
    "resolve",
]

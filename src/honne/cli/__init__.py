"""The commands. Each one reads its arguments, calls one room below, and prints.

One file a command: it registers with `app` when it is imported, and every file here is. Nothing else has to be edited.

Exit codes: 0 done; 1 done, and a gate failed; 2 wrong usage or input, or nothing could be asked; 3 stopped early and
resumable; 4 a bug.
"""

import importlib
import pkgutil

from honne.cli._app import app

__all__ = ["app"]

for _found in pkgutil.iter_modules(__path__):
    if not _found.name.startswith("_"):
        importlib.import_module(f"honne.cli.{_found.name}")

"""The house: imports run downward only, and the core stays light."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import honne

SOURCE = Path(honne.__file__).parent
FLOORS = [
    {"stats", "errors", "text", "_version"},
    {"records", "rows", "spec"},
    {"plugins"},
    {"models", "metrics", "attacks", "values", "data"},
    {"benchmarks", "judges"},
    {"engine", "importers"},
    {"align", "annotate", "audit", "report", "demo", "replications", "scorer"},
    {"cli", ""},
    {"__main__"},
]
HEAVY = ["torch", "ray", "transformers", "fastapi", "duckdb", "pyarrow", "pandas", "sqlalchemy", "sklearn", "scipy"]
HEAVY += ["numpy", "aiohttp", "jinja2"]


def floor(room: str) -> int:
    return next(i for i, rooms in enumerate(FLOORS) if room in rooms)


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def imports(path: Path) -> set[str]:
    """The honne modules that a file imports, anywhere in it, type checking aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    typing_only = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    found = set()
    for node in ast.walk(tree):
        if id(node) in typing_only:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.split(".")[0] == "honne"}
        elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "honne":
            if node.module == "honne":
                found |= {f"honne.{alias.name}" for alias in node.names}
            else:
                found.add(node.module)
    return found


def test_imports_run_downward_only() -> None:
    wrong = []
    for path in SOURCE.rglob("*.py"):
        relative = path.relative_to(SOURCE)
        mine = (
            "" if relative.name == "__init__.py" and len(relative.parts) == 1 else relative.parts[0].removesuffix(".py")
        )
        for module in imports(path):
            other = room(module)
            if other == mine:
                continue
            if floor(other) >= floor(mine):
                wrong.append(f"{relative} ({mine or 'honne'}) imports {module}")
    assert not wrong, "\n".join(wrong)


def test_every_room_has_a_floor() -> None:
    rooms = {
        p.name.removesuffix(".py")
        for p in SOURCE.iterdir()
        if not p.name.startswith(("__init__", "__pycache__", "py.typed"))
    }
    assert rooms <= set().union(*FLOORS)


def _loaded(code: str) -> list[str]:
    check = f"{code}\nimport sys\nprint(' '.join(m for m in {HEAVY!r} if m in sys.modules))"
    result = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, check=True)
    return result.stdout.splitlines()[-1].split()


def test_import_honne_is_light() -> None:
    assert _loaded("import honne") == []


def test_help_is_light() -> None:
    code = (
        "import sys; sys.argv = ['honne', '--help']\n"
        "from honne.__main__ import main\n"
        "try:\n    main()\nexcept SystemExit as e:\n    assert e.code == 0\n"
    )
    assert _loaded(code) == []

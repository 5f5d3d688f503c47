"""A record that cannot be read, or says what no record says, is one line and never a crash."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from honne.engine.store import open_run
from honne.errors import StoreError

DAMAGED = (b"", b"{", b"[]", b"null", b'"done"', b'{"settings": []}', b"\xff\xfe")


@pytest.mark.parametrize("content", DAMAGED)
def test_of_a_sweep(tmp_path: Path, content: bytes) -> None:
    from honne.align.sweep._sweep import NAME, _Sweep

    (tmp_path / NAME).write_bytes(content)
    with pytest.raises(StoreError, match=r"sweep\.json"):
        _Sweep._begin(cast(Any, SimpleNamespace(out=tmp_path)))


@pytest.mark.parametrize("content", DAMAGED)
def test_of_the_loops_training(tmp_path: Path, content: bytes) -> None:
    """The training itself then says what is wrong with it."""
    from honne.align.organism.loop import _told
    from honne.align.training._begin import NAME, _known

    (tmp_path / NAME).write_bytes(content)
    assert _told(tmp_path / NAME) == {}
    with pytest.raises(StoreError, match=r"align\.json"):
        _known(tmp_path)


@pytest.mark.parametrize("content", DAMAGED)
def test_of_a_run(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"run\.json"):
        open_run(tmp_path)

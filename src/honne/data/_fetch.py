"""Fetching a dataset file into the user's cache: pinned address, pinned hash, all or nothing."""

from __future__ import annotations

import errno
import hashlib
import http.client
import os
import tempfile
import urllib.error
import urllib.request
import zlib
from pathlib import Path
from urllib.parse import quote, urlsplit

from honne import plugins
from honne.data._find import cache_path
from honne.errors import ConfigError, DataError
from honne.rows import read_bytes
from honne.spec import env

__all__ = ["fetch"]

_TIMEOUT = 60.0


def fetch(source: plugins.Source, *, base_url: str | None = None, timeout: float = _TIMEOUT) -> Path:
    """Bring one file into the cache, unless a copy with the right hash is there already, and return its path.

    `base_url` (or `HONNE_DATA_URL`) names a mirror with the layout of HONNE_DATA (`BASE/<dataset>/<file>[.gz]`) instead
    of the source's own address. Proxies are taken from the environment, `timeout` is in seconds between two reads.
    Raises DataError when the file cannot be had or has not the size and sha256 of the source: nothing is kept then, and
    a copy that was in the cache before stays as it was. Raises ConfigError for an address that is not http(s).
    """
    path = cache_path(source)
    if path.is_file() and hashlib.sha256(read_bytes(path)).hexdigest() == source.sha256:
        return path
    base = base_url or env("HONNE_DATA_URL")
    if base:
        plain = f"{base.rstrip('/')}/{quote(source.dataset)}/{quote(source.file)}"
        data = _download(plain, source.bytes, timeout, may_miss=True)
        if data is None:
            # Compressed bytes are not pinned, so their size is only bounded by the original's (and a gzip header).
            packed = _download(plain + ".gz", source.bytes + 1024, timeout)
            data = _unpacked(packed or b"", plain + ".gz", source.bytes)
        shown = plain
    else:
        shown = source.url
        data = _download(source.url, source.bytes, timeout) or b""
    digest = hashlib.sha256(data).hexdigest()
    if digest != source.sha256:
        size = f"{len(data):,}" if len(data) <= source.bytes else f"more than {source.bytes:,}"
        raise DataError(
            f"{shown}: not the published file: {size} bytes with sha256 {digest[:12]}…, "
            f"expected {source.bytes:,} bytes with {source.sha256[:12]}…; nothing was kept"
        )
    _write(path, data)
    return path


def _download(url: str, size: int, timeout: float, *, may_miss: bool = False) -> bytes | None:
    """At most `size` + 1 bytes, so that a wrong file of any length is noticed and never fills the memory."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise ConfigError(f"{url}: a data address must start with http:// or https://")
    request = urllib.request.Request(url, headers={"User-Agent": "honne"})
    try:
        # Not urlopen(): it would keep the proxies of the process's first request.
        with urllib.request.build_opener().open(request, timeout=timeout) as reply:
            body: bytes = reply.read(size + 1)
            return body
    except urllib.error.HTTPError as e:
        e.close()
        if e.code == 404 and may_miss:
            return None
        raise DataError(f"{url}: the server answered {e.code} {e.reason}") from None
    except urllib.error.URLError as e:
        raise DataError(f"{url}: cannot be reached ({_reason(e.reason)})") from None
    except TimeoutError:
        raise DataError(f"{url}: no data for {timeout:g} seconds") from None
    except (http.client.HTTPException, OSError, ValueError) as e:
        raise DataError(f"{url}: the download broke off ({_reason(e)})") from None


def _reason(error: object) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return " ".join(str(error).split()) or type(error).__name__


def _unpacked(packed: bytes, url: str, size: int) -> bytes:
    try:
        unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        return unpacker.decompress(packed, size + 1)
    except zlib.error as e:
        raise DataError(f"{url}: not a gzip file ({e})") from None


def _write(path: Path, data: bytes) -> None:
    """Write beside the target, then rename: a reader sees the old file or the whole new one."""
    part: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", suffix=".part", delete=False) as f:
            part = f.name
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except OSError as e:
        if part:
            Path(part).unlink(missing_ok=True)
        what = "no space left" if e.errno in (errno.ENOSPC, errno.EDQUOT) else (e.strerror or str(e))
        raise DataError(f"cannot write {path}: {what}; choose another cache folder with HONNE_CACHE") from None

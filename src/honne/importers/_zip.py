"""Members of a zip archive, also those compressed with Zstandard (method 93), which Python's own module lacks.

Nothing is extracted to disk; a member that unpacks to more than `LIMIT` bytes is refused before it is read.
"""

from __future__ import annotations

import struct
import zipfile
import zlib
from pathlib import Path

from honne.errors import DataError

__all__ = ["LIMIT", "Archive"]

LIMIT = 1 << 30
_ZSTD = 93
_LOCAL = 30


class Archive:
    """An open archive. Raises DataError for what is not a whole zip file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb")
        except OSError as e:
            raise DataError(f"cannot read {path}: {e.strerror or e}") from None
        try:
            self._zip = zipfile.ZipFile(self._file)
        except (zipfile.BadZipFile, NotImplementedError, OSError, ValueError, struct.error) as e:
            self._file.close()
            raise DataError(f"{path}: not a complete zip archive ({e}); was the copy or the run cut short?") from None
        # Of members with one name the last was written last.
        self._members = {info.filename: info for info in self._zip.infolist()}

    def __enter__(self) -> Archive:
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()
        self._file.close()

    def names(self) -> list[str]:
        """The members, in the order in which they were written."""
        return list(self._members)

    def read(self, name: str) -> bytes:
        """One member's bytes, checked against its CRC. Raises DataError."""
        info = self._members[name]
        where = f"{self.path}: {name}"
        if info.file_size > LIMIT:
            raise DataError(f"{where} unpacks to {info.file_size:,} bytes; the limit is {LIMIT:,}")
        try:
            content = self._zstd(info) if info.compress_type == _ZSTD else self._plain(info)
        except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, struct.error, RuntimeError) as e:
            raise DataError(f"{where} is damaged: {str(e).splitlines()[0] if str(e) else type(e).__name__}") from None
        if len(content) != info.file_size or zlib.crc32(content) != info.CRC:
            raise DataError(f"{where} is damaged: its content does not match its checksum")
        return content

    def _plain(self, info: zipfile.ZipInfo) -> bytes:
        with self._zip.open(info) as member:
            return member.read(info.file_size + 1)

    def _zstd(self, info: zipfile.ZipInfo) -> bytes:
        import pyarrow as pa

        if info.flag_bits & 1:
            raise ValueError("it is encrypted")
        self._file.seek(info.header_offset)
        head = self._file.read(_LOCAL)
        if head[:4] != b"PK\x03\x04" or len(head) < _LOCAL:
            raise ValueError("no local header")
        name, extra = struct.unpack("<HH", head[26:30])
        self._file.seek(info.header_offset + _LOCAL + name + extra)
        packed = self._file.read(info.compress_size)
        if len(packed) < info.compress_size:
            raise EOFError("the archive ends inside it")
        with pa.CompressedInputStream(pa.BufferReader(packed), "zstd") as stream:
            return bytes(stream.read(info.file_size + 1))

"""safetensors files with numpy alone: the format is a header of JSON and then the bytes of each tensor."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from honne.errors import DataError

__all__ = ["pack", "unpack"]

_TYPES: Mapping[str, Any] = {"I8": np.int8, "U8": np.uint8, "F32": np.float32}
_NAMES = {np.dtype(kind): name for name, kind in _TYPES.items()}


def pack(tensors: Mapping[str, NDArray[Any]]) -> bytes:
    """The bytes of a safetensors file; the same tensors give the same bytes. int8, uint8 and float32."""
    header: dict[str, Any] = {}
    parts, at = [], 0
    # The widest first, so that each tensor lies at a multiple of its item's size.
    for name, array in sorted(tensors.items(), key=lambda one: (-one[1].dtype.itemsize, one[0])):
        data = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False).tobytes()
        header[name] = {"dtype": _NAMES[array.dtype], "shape": list(array.shape), "data_offsets": [at, at + len(data)]}
        parts.append(data)
        at += len(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(parts)


def unpack(data: bytes, where: str) -> dict[str, NDArray[Any]]:
    """The tensors of a safetensors file by name. Raises DataError for anything that is none, or of another type."""
    try:
        size = int.from_bytes(data[:8], "little")
        if len(data) < 8 or size > len(data) - 8:
            raise ValueError("the header is cut off")
        header = json.loads(data[8 : 8 + size])
        body = memoryview(data)[8 + size :]
        found = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            (start, end), shape = entry["data_offsets"], tuple(entry["shape"])
            kind = np.dtype(_TYPES[entry["dtype"]])
            if not 0 <= start <= end <= len(body) or end - start != math.prod(shape) * kind.itemsize:
                raise ValueError(f"tensor {name!r} lies outside of the file")
            found[name] = np.frombuffer(body[start:end], kind).reshape(shape)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as e:
        raise DataError(f"{where} is no safetensors file that can be read: {e!r}") from None
    return found

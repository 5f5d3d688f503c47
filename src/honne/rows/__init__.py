"""Files of rows, read in one way everywhere: uncompressed bytes, their encoding, and rows that know their place.

`parse_rows` is strict, for files that honne asks from (datasets, prompts): a bad line is named, never skipped
or mended. `recorded_rows` takes what other tools write (answers and labels to import or to replay), Parquet included.
"""

from honne.rows._cells import text_of
from honne.rows._encoding import decode, likely
from honne.rows._recorded import FORMATS, recorded_rows
from honne.rows._rows import DataRow, parse_rows, read_bytes

__all__ = ["FORMATS", "DataRow", "decode", "likely", "parse_rows", "read_bytes", "recorded_rows", "text_of"]

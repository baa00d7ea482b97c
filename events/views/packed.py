"""A page with holes, compressed once for everybody: what stands between the holes is deflated ahead, what
goes into them is stored as it is (RFC 1951 §3.2.4, blocks without compression).

Compressing each answer anew took a third of what a kept page costs. What is a reader's own is not compressed
with the rest, so no length tells of it either (BREACH).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping, Sequence

HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\xff"
"""Of a gzip file without name and time (RFC 1952 §2.3)."""
LAST = b"\x01\x00\x00\xff\xff"
"""An empty stored block that says it is the last."""
MOST_STORED = 0xFFFF
"""Bytes of one stored block."""
BEST = 9


def deflate(text: bytes) -> bytes:
    """Whole blocks up to a byte's end, of which none is the last and none looks back before its beginning."""
    packer = zlib.compressobj(BEST, zlib.DEFLATED, -zlib.MAX_WBITS)
    return packer.compress(text) + packer.flush(zlib.Z_FULL_FLUSH)


def store(text: bytes) -> bytes:
    """The same, uncompressed."""
    blocks = [text[at : at + MOST_STORED] for at in range(0, len(text), MOST_STORED)]
    return b"".join(struct.pack("<BHH", 0, len(one), len(one) ^ 0xFFFF) + one for one in blocks)


def gzip_of(packed: Sequence[bytes | str], values: Mapping[str, bytes], content: bytes) -> bytes:
    """``content`` as a gzip file, from texts that ``deflate`` made and the values of its holes."""
    body = [part if isinstance(part, bytes) else store(values[part]) for part in packed]
    tail = struct.pack("<LL", zlib.crc32(content), len(content) & 0xFFFFFFFF)
    return b"".join((HEAD, *body, LAST, tail))

"""The markers of a JPEG file: whether its picture is all there."""

from __future__ import annotations

import re
import struct

_END_OF_IMAGE = 0xD9
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a segment: TEM, RST0-7, SOI (ITU-T T.81, table B.1)
_NEXT_MARKER = re.compile(rb"\xff+([^\x00\xd0-\xd7\xff])")  # within a scan; FF 00 is data, FF D0-D7 only a restart


def is_whole(data: bytes) -> bool:
    """Whether the first picture runs to its end marker.

    libjpeg fills up what is missing with grey, also where a broken download left zeros to the end of the file.
    """
    at = 2
    while True:
        found = _NEXT_MARKER.search(data, at)
        if found is None:
            return False
        marker, at = found[1][0], found.end()
        if marker == _END_OF_IMAGE:
            return True
        if marker in _ALONE:
            continue
        if at + 2 > len(data):
            return False
        at += struct.unpack_from(">H", data, at)[0]

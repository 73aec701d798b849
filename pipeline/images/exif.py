"""The one thing in a camera's notes that changes what is seen: which way is up."""

from __future__ import annotations

from collections.abc import Callable

from PIL import Image

_ORIENTATION = 0x0112


def orientation(notes: Callable[[], Image.Exif]) -> int:
    """EXIF's orientation, 1 to 8; 1 where there is none or the notes are broken, as everywhere else."""
    try:
        found = notes().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # Pillow's parser raises almost anything on broken notes
        return 1
    return found if found in range(1, 9) else 1

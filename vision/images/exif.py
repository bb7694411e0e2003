"""Reads the orientation out of Exif data."""

from vision.images.cursor import ByteOrder, Cursor, Malformed, NeedsMoreBytes


def exif_orientation(exif: bytes) -> int:
    """Tag 0x0112 of the first directory; 1, as it is stored, when absent or out of range."""
    if not exif.startswith((b"II*\0", b"MM\0*")):
        return 1
    order: ByteOrder = "little" if exif.startswith(b"II") else "big"
    try:
        cursor = Cursor(exif, 4)
        cursor.at = cursor.number(4, order)
        for _ in range(cursor.number(2, order)):
            tag, kind = cursor.number(2, order), cursor.number(2, order)
            cursor.skip(4)
            value = cursor.take(4)
            if tag == 0x0112 and kind == 3:
                number = int.from_bytes(value[:2], order)
                return number if 1 <= number <= 8 else 1
    except (NeedsMoreBytes, Malformed):
        return 1
    return 1

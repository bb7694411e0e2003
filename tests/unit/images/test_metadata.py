"""What is cut out of photographs, and that nobody can see it."""

import os
import struct
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import ExifTags, Image, PngImagePlugin

from tests.fakes import images
from vision.images.metadata import strip
from vision.images.prepare import prepare

XMP = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>HomeStreet 1</x:xmpmeta>"
PROFILE = bytes(16) + b"RGB " + bytes(600)
SECRETS = (b"HomeStreet", b"Exif", b"Nobody Else", b"GPSSecret")


def exif() -> bytes:
    """Where somebody lives."""
    told = Image.Exif()
    told[ExifTags.Base.Artist] = "Nobody Else"
    told[ExifTags.Base.Orientation] = 1
    told.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSLatitude] = (52.0, 31.0, 12.0)
    told.get_ifd(ExifTags.IFD.GPSInfo)[ExifTags.GPS.GPSMapDatum] = "GPSSecret"
    return told.tobytes()


def photograph() -> Image.Image:
    """Noise, so that pixels hold all kinds of bytes."""
    return Image.frombytes("RGB", (200, 150), os.urandom(200 * 150 * 3))


def jpeg(**more: object) -> bytes:
    data = images.encode(
        photograph(), "JPEG", exif=exif(), xmp=XMP, icc_profile=PROFILE, comment=b"mine", quality=95, **more
    )
    iptc = b"Photoshop 3.0\0HomeStreet"
    return data[:2] + b"\xff\xed" + struct.pack(">H", len(iptc) + 2) + iptc + data[2:]


def png() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", XMP.decode())
    info.add_text("Raw profile type exif", "HomeStreet", zip=True)
    info.add_text("Comment", "mine")
    return images.encode(photograph(), "PNG", exif=exif(), pnginfo=info, icc_profile=PROFILE)


def webp(**more: object) -> bytes:
    return images.encode(photograph(), "WEBP", exif=exif(), xmp=XMP, icc_profile=PROFILE, **more)


FILES = {
    "jpeg": jpeg(),
    "progressive jpeg": jpeg(progressive=True),
    "jpeg with restarts": jpeg(restart_marker_rows=1),
    "png": png(),
    "webp": webp(),
    "lossless webp": webp(lossless=True),
    "cmyk jpeg": images.encode(images.picture(mode="CMYK"), "JPEG", exif=exif()),
}


@pytest.mark.parametrize("name", FILES)
def test_nothing_is_told_and_every_pixel_stays(name: str) -> None:
    data = FILES[name]
    before = Image.open(BytesIO(data))
    kind = str(before.format).lower()
    stripped = strip(data, kind)
    after = Image.open(BytesIO(stripped))
    assert (after.format, after.mode, after.size) == (before.format, before.mode, before.size)
    assert after.tobytes() == before.tobytes()
    assert after.info.get("icc_profile") == before.info.get("icc_profile")
    assert after.info.get("comment") == before.info.get("comment")
    assert not dict(after.getexif())
    assert "xmp" not in after.info
    assert not any(secret in stripped for secret in SECRETS)
    assert len(stripped) < len(data)
    assert strip(stripped, kind) is stripped


def test_what_comes_after_a_jpegs_end_goes_with_what_it_tells() -> None:
    """As phones append previews and films."""
    data = jpeg(progressive=True)
    assert strip(data + jpeg() + b"a film", "jpeg") == strip(data, "jpeg")


@pytest.mark.parametrize("name", ["jpeg", "png", "webp"])
def test_a_provider_gets_no_location(name: str) -> None:
    sent = prepare(FILES[name])
    assert not any(secret in sent.data for secret in SECRETS)


@given(st.sampled_from(sorted(FILES)), st.binary(max_size=40), st.floats(0, 1))
def test_whatever_comes_is_not_made_worse(name: str, noise: bytes, where: float) -> None:
    data = FILES[name]
    at = int(where * len(data))
    broken = data[:at] + noise + data[at + len(noise) :]
    for kind in ("jpeg", "png", "webp", "gif"):
        assert len(strip(broken, kind)) <= len(broken)
        strip(broken[:at], kind)

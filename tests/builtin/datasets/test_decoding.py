import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from gansearch.builtin.datasets.bit_depth import Levels, levels_of
from gansearch.builtin.datasets.decoding import Decoder, PictureError

RED, BLUE = (255, 0, 0), (0, 0, 255)
DECODER = Decoder(3, 8, 8)


def written(picture, kind="PNG", **options):
    stream = io.BytesIO()
    picture.save(stream, kind, **options)
    stream.seek(0)
    return stream


def png_of_16_bits(pixels):
    """A PNG file of RGB or RGBA pixels (H, W, 3 or 4), uint16, which Pillow cannot write."""
    height, width, channels = pixels.shape

    def chunk(kind, content):
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + checksum

    colours = {3: 2, 4: 6}[channels]
    header = struct.pack(">IIBBBBB", width, height, 16, colours, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*one) for one in chunks))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
def test_every_format_is_decoded(kind):
    decoded = DECODER.decode(written(Image.new("RGB", (12, 10), (200, 40, 40)), kind))
    assert (decoded.format, decoded.size) == (kind, (12, 10))
    assert np.allclose(decoded.pixels[:, 4, 4], (200, 40, 40), atol=4)  # JPEG loses a little


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_mode_is_decoded(mode):
    picture = Image.new("L", (8, 8), 255).convert("I" if mode == "I;16" else mode)
    if mode == "I;16":
        picture = Image.fromarray(np.full((8, 8), 65_535, np.uint16))
    assert DECODER.decode(written(picture)).pixels.min() == 255


def test_cmyk_becomes_rgb():
    picture = Image.new("RGB", (16, 16), (250, 0, 0)).convert("CMYK")
    pixels = DECODER.decode(written(picture, "JPEG", quality=95)).pixels
    assert np.allclose(pixels[:, 4, 4], (250, 0, 0), atol=8)


def test_the_middle_is_kept_when_the_sides_do_not_fit():
    wide = Image.new("RGB", (40, 8), RED)
    wide.paste(BLUE, (16, 0, 24, 8))
    pixels = DECODER.decode(written(wide)).pixels
    assert np.array_equal(pixels[:, 4, 4], BLUE) and pixels[0].max() == 0


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_a_photograph_is_turned_upright(kind):
    lying = Image.new("RGB", (16, 16), RED)
    lying.paste(BLUE, (0, 0, 8, 16))
    orientation = Image.Exif()
    orientation[0x0112] = 6  # to be turned by 90 degrees clockwise
    pixels = DECODER.decode(written(lying, kind, exif=orientation)).pixels.astype(int)
    assert pixels[2, 0, 4] > pixels[0, 0, 4] + 100 and pixels[0, 7, 4] > pixels[2, 7, 4] + 100


def exif_with(tag, kind, value):
    """An EXIF block of one entry: tag, TIFF's code of its type, and four bytes."""
    entry = struct.pack(">HHI", tag, kind, 1) + value
    return b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)


@given(st.integers(0, 0xFFFF), st.integers(0, 20), st.binary(min_size=4, max_size=4))
@settings(max_examples=60, deadline=None)
def test_no_odd_exif_entry_costs_a_picture(tag, kind, value):
    stream = written(Image.new("RGB", (8, 8), RED), "JPEG", exif=exif_with(tag, kind, value))
    assert DECODER.decode(stream).pixels.shape == (3, 8, 8)


def test_transparency_is_laid_on_the_background():
    clear = Image.new("RGBA", (8, 8), (0, 0, 0, 0))
    assert DECODER.decode(written(clear)).pixels.min() == 255
    black = Decoder(3, 8, 8, background="black")
    assert black.decode(written(clear)).pixels.max() == 0


def test_the_first_frame_of_an_animation_is_decoded():
    frames = [Image.new("RGB", (8, 8), colour) for colour in (RED, BLUE)]
    stream = written(frames[0], "GIF", save_all=True, append_images=frames[1:])
    decoded = DECODER.decode(stream)
    assert decoded.animated and tuple(decoded.pixels[:, 4, 4]) == RED


def test_sixteen_bits_of_grey_are_scaled_by_the_levels():
    picture = Image.fromarray(np.full((8, 8), 1000, np.uint16))
    decoder = Decoder(1, 8, 8, levels=Levels(0, 4095))
    assert np.all(decoder.decode(written(picture)).pixels == round(1000 * 255 / 4095))


@pytest.mark.parametrize("channels", [3, 4])
def test_sixteen_bits_of_colour_keep_their_low_bytes(channels):
    pixels = np.zeros((8, 8, channels), np.uint16)
    pixels[..., :3] = (4000, 260, 100)
    pixels[..., 3:] = 65_535
    decoder = Decoder(3, 8, 8, levels=Levels(0, 4095))
    found = decoder.decode(png_of_16_bits(pixels)).pixels[:, 4, 4]
    assert found.tolist() == [round(value * 255 / 4095) for value in (4000, 260, 100)]


def test_fractions_of_a_float_tiff_are_scaled():
    picture = Image.fromarray(np.full((8, 8), 0.5, np.float32))
    decoder = Decoder(1, 8, 8, levels=Levels(0, 1))
    assert np.all(decoder.decode(written(picture, "TIFF")).pixels == 128)


@pytest.mark.parametrize(
    ("ranges", "fractions", "levels"),
    [
        ([(0, 4023), (5, 90)], False, (0, 4095)),
        ([(0, 65_535)], False, (0, 65_535)),
        ([(0, 100)], False, (0, 255)),
        ([(-1024, 3071)], False, (-1024, 3071)),
        ([(0, 0.7)], True, (0, 1)),
        ([(0, 200.5)], True, (0, 255)),
        ([], True, None),
    ],
)
def test_white_is_the_largest_value_of_the_bits_in_use(ranges, fractions, levels):
    assert levels_of(ranges, fractions=fractions) == levels


def test_a_large_jpeg_is_decoded_at_a_smaller_size():
    large = Image.new("RGB", (800, 600), RED)
    large.paste(BLUE, (200, 0, 600, 600))
    decoder = Decoder(3, 8, 8, largest=100_000)
    decoded = decoder.decode(written(large, "JPEG"))
    assert decoded.size == (800, 600)
    assert decoded.pixels[2, 4, 4] > 240 and decoded.pixels[0, 4, 4] < 15


def test_any_other_large_picture_is_refused_by_its_header():
    with pytest.raises(PictureError, match=r"too large: 800 x 600 .*max_megapixels \(0.1\)"):
        Decoder(3, 8, 8, largest=100_000).decode(written(Image.new("1", (800, 600))))


def test_a_decompression_bomb_is_refused():
    with pytest.raises(PictureError, match="too large"):
        DECODER.decode(written(Image.new("1", (14_000, 14_000))))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF", "PPM"])
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_any_damage_is_either_decoded_or_refused(kind, data):
    content = bytearray(written(Image.new("RGB", (9, 9), RED), kind).getvalue())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(content)))
    try:
        assert DECODER.decode(io.BytesIO(content[:cut])).pixels.shape == (3, 8, 8)
    except PictureError as error:
        assert error.reason in {"damaged", "empty", "no picture", "too large"}

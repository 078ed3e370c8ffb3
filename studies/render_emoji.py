"""Render the 1,432 colour emoji of Noto as pictures: `python studies/render_emoji.py FOLDER`.

A set of real pictures for studies of folders. Each block of Unicode has a subfolder, so that
`classes` can choose among them: `emoticons` are the faces. The font is Debian's
fonts-noto-color-emoji (SIL Open Font License 1.1). Its bitmaps are drawn on white and scaled: the
same font and Pillow give the same pixels on every machine.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from fontTools.ttLib import TTFont, TTLibError
from PIL import Image, ImageDraw, ImageFont

DEBIAN = Path("/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf")
BITMAPS = 109
"""The only size of the font's bitmaps, which Pillow has to be given."""
WIDTH, HEIGHT = 136, 128
"""Pixels of a bitmap."""
TEXT = 0x100
"""Code points below are digits and signs of text, which the font has for its keycaps."""

BLOCKS = (
    (0x1FA70, "symbols-and-pictographs-extended"),
    (0x1F900, "supplemental-symbols-and-pictographs"),
    (0x1F680, "transport-and-map-symbols"),
    (0x1F600, "emoticons"),
    (0x1F300, "symbols-and-pictographs"),
    (0x1F000, "enclosed-signs"),
    (TEXT, "older-signs"),
)
"""First code point and name, the last first; below U+1F300 several blocks are one folder."""

Folder = Annotated[Path, typer.Argument(help="Folder of the pictures.")]
Size = Annotated[int, typer.Option(min=4, max=WIDTH, help="Height and width of a picture.")]
Font = Annotated[Path, typer.Option(help="Noto's font of colour bitmaps.")]


def main(folder: Folder, size: Size = 80, font: Font = DEBIAN) -> None:
    """Render every emoji of one code point, each look once."""
    codes, face = opened(font)
    known: set[bytes] = set()
    for code in codes:
        picture = drawn(chr(code), face)
        looks = sha256(picture.tobytes()).digest()
        # A picture that is white everywhere shows nothing.
        if picture.getextrema() == ((255, 255),) * 3 or looks in known:
            continue
        known.add(looks)
        block = folder / next(name for first, name in BLOCKS if code >= first)
        block.mkdir(parents=True, exist_ok=True)
        picture.resize((size, size), Image.Resampling.LANCZOS).save(block / f"u{code:05x}.png")
    typer.echo(f"{len(known)} pictures of {size}x{size} are in {folder}")


def opened(font: Path) -> tuple[list[int], ImageFont.FreeTypeFont]:
    """Return the code points that a font has, and the font as Pillow draws with it."""
    try:
        with font.open("rb") as stream, TTFont(stream, lazy=True) as tables:
            codes = tables.getBestCmap()
        # The basic layout draws one sign at a time; the other refuses signs without a bitmap.
        face = ImageFont.truetype(font, BITMAPS, layout_engine=ImageFont.Layout.BASIC)
    except (OSError, TTLibError) as error:
        typer.echo(f"{font}: {error}", err=True)
        typer.echo(
            "apt-get install fonts-noto-color-emoji, or name NotoColorEmoji.ttf by --font", err=True
        )
        raise typer.Exit(1) from None
    return sorted(code for code in codes if code >= TEXT), face


def drawn(sign: str, face: ImageFont.FreeTypeFont) -> Image.Image:
    """Return a sign in RGB, in the middle of a white square."""
    picture = Image.new("RGB", (WIDTH, WIDTH), "white")
    ImageDraw.Draw(picture).text((0, (WIDTH - HEIGHT) // 2), sign, font=face, embedded_color=True)
    return picture


if __name__ == "__main__":
    typer.run(main)

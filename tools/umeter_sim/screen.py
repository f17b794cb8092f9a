"""A picture of what the display of a board shows."""

from io import BytesIO

from PIL import Image

COLUMNS, ROWS = 128, 64
SCALE = 4
MARGIN = 12
GLASS = (8, 10, 14)
DARK = (14, 18, 26)
LIT = (150, 214, 255)


def dots(gddram: bytes) -> list[list[bool]]:
    """By row, then column. gddram: 1024 bytes by page and column, the lowest bit on top."""
    if len(gddram) != COLUMNS * ROWS // 8:
        raise ValueError(f"a display's memory has {COLUMNS * ROWS // 8} bytes, not {len(gddram)}")
    return [
        [bool(gddram[row // 8 * COLUMNS + column] >> row % 8 & 1) for column in range(COLUMNS)]
        for row in range(ROWS)
    ]


def png(gddram: bytes) -> bytes:
    """The display's memory as a PNG, four dots to a dot, with the gaps that the glass has."""
    size = (COLUMNS * SCALE + 2 * MARGIN, ROWS * SCALE + 2 * MARGIN)
    image = Image.new("RGB", size, GLASS)
    for y, row in enumerate(dots(gddram)):
        for x, lit in enumerate(row):
            left, top = MARGIN + x * SCALE, MARGIN + y * SCALE
            image.paste(LIT if lit else DARK, (left, top, left + SCALE - 1, top + SCALE - 1))
    file = BytesIO()
    image.save(file, "PNG")
    return file.getvalue()

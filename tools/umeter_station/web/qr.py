"""QR codes as a part of a page: SVG with attributes alone, dark on white in all colours."""

import segno
from markupsafe import Markup


def svg(text: str, title: str) -> Markup:
    """As large as the place that it stands in. `title` is read to who does not see it."""
    code = segno.make(text, error="m", micro=False)
    drawn = code.svg_inline(omitsize=True, light="#fff", border=4, svgclass="qr", title=title)
    return Markup(drawn.replace("<svg ", '<svg role="img" ', 1))

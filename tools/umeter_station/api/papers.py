"""What would be printed, as an answer: JSON, a page that prints well, or a printer's bytes."""

import base64
import hashlib
from dataclasses import asdict
from typing import Literal

from fastapi.responses import HTMLResponse, JSONResponse, Response

from umeter_station.desk import paper_escpos, paper_html
from umeter_station.desk.paper import Paper

PaperForm = Literal["json", "html", "escpos"]
PaperColumns = Literal["32", "48"]
# For OpenAPI: all three can be the answer.
RESPONSES = {
    200: {
        "description": "The paper.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/html": {"schema": {"type": "string"}},
            "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
        },
    }
}
_STYLE = base64.b64encode(hashlib.sha256(paper_html.STYLE.encode()).digest()).decode()
_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE}'; frame-ancestors 'none'"


def answer(
    paper: Paper, form: PaperForm, columns: PaperColumns = "48", script: str = ""
) -> Response:
    """`script`: of this station, for a page."""
    if form == "html":
        policy = f"{_POLICY}; script-src 'self'" if script else _POLICY
        headers = {"Content-Security-Policy": policy}
        return HTMLResponse(paper_html.render(paper, script), headers=headers)
    if form == "escpos":
        content = paper_escpos.render(paper, int(columns))
        return Response(content, media_type="application/octet-stream")
    return JSONResponse(asdict(paper))

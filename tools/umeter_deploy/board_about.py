"""`about` in board.json: where its facts come from, and which of them nobody has tried yet.

For people and for `umeter board check`; the board gets none of it.
    "source": ["the vendor's schematic", ...]     kinds of sources, in words
    "verified": false                             true: built and tried as it is written
    "unverified": {"relays.pins": "why", ...}     a key of this file, or a fact in words
"""

from typing import Any

from umeter_deploy.board_kit import listed, refuse, table


def check(about: Any) -> None:
    """ValueError, one sentence, if it is not like that."""
    table("about", about, ("source", "verified"), ("unverified",))
    listed("about.source", about["source"], 8)
    for i, source in enumerate(about["source"]):
        _words("about.source[%d]" % i, source)
    if not isinstance(about["verified"], bool):
        refuse("about.verified", about["verified"], "true or false")
    unverified = about.get("unverified", {})
    if not isinstance(unverified, dict):
        refuse("about.unverified", unverified, 'an object {"fact": "why it is not certain"}')
    for fact, why in unverified.items():
        _words("about.unverified." + fact, why)
    if unverified and about["verified"]:
        refuse("about.verified", True, "false as long as about.unverified has facts")


def _words(path: str, text: Any) -> None:
    if not isinstance(text, str) or len(text) < 10 or "://" in text:
        refuse(path, text, "some words, without addresses")

"""The journal's reading side, needed once at a boot. The format is told in journal.py."""

import struct

from micropython import const

from umeter.core.journal import FORMAT, HEADER_BYTES, read_header

_CHUNK_BYTES = const(256)


def survey(flash):
    """Look at every slot: (slot of the newest whole copy or -1, its sequence, is one damaged).

    ValueError if a copy is of a later format, or if there are not two sectors.
    """
    slots = flash.size // flash.sector
    if slots < 2:
        raise ValueError("the journal needs two sectors of flash, there is %d" % slots)
    newest = -1
    newest_sequence = 0
    damaged = False
    for slot in range(slots):
        header = read_header(flash, slot)
        if header is None:
            if not _is_erased(flash, slot):
                damaged = True
            continue
        _, form, sequence, _, _ = header
        if form > FORMAT:
            raise ValueError("journal format %d, this firmware reads %d" % (form, FORMAT))
        if sequence > newest_sequence:
            newest_sequence = sequence
            newest = slot
    return newest, newest_sequence, damaged


def entries(flash, slot):
    """The {key: value} of the copy in a slot, {} if it is -1."""
    found = {}
    if slot >= 0:
        start = slot * flash.sector + HEADER_BYTES
        body = memoryview(bytearray(read_header(flash, slot)[3]))
        flash.read(start, body)
        at = 0
        while at < len(body):
            key, at = _field(body, at, "B")
            found[key.decode()], at = _field(body, at, "<H")
    return found


def _field(body, at, form):
    """A length in the given format and as many bytes: (bytes, the offset behind them)."""
    start = at + struct.calcsize(form)
    end = start + struct.unpack_from(form, body, at)[0]
    return bytes(body[start:end]), end


def _is_erased(flash, slot):
    chunk = bytearray(_CHUNK_BYTES)
    blank = b"\xff" * _CHUNK_BYTES
    start = slot * flash.sector
    for offset in range(start, start + flash.sector, _CHUNK_BYTES):
        flash.read(offset, chunk)
        if chunk != blank:
            return False
    return True

"""The channels of a reading as one short byte string: what 100 000 meters send each minute.

The first byte is the layout's number, the second how many channels there are, the third how many
columns follow, in the order of COLUMNS. A column is one byte, low half `width`, high half `base`:
then the smallest value, little-endian and signed, in `base` bytes, and how much each channel is
above that, in `width` bytes each: first the lowest byte of all channels, then the next. So what
is alike in all channels takes no place but once.
Where a value is None, a byte _SOME and a bit per channel come before. A column that is None in all
channels is the byte _NONE alone. `balance_u` is kept as its difference from what the totals say,
and that is 0.

Columns are only ever added, at the end: an older station skips those that it does not know, and
what an older one has packed has None there.
"""

import struct
from collections.abc import Mapping, Sequence

Column = Sequence[int | None]

COLUMNS = (
    "credited_total_u",
    "charged_total_u",
    "balance_u",
    "energy_wh",
    "power_dw",
    "voltage_dv",
    "current_ma",
    "contact",
    "claims",
    "age_s",
    "armed",
    "rate",
    "state",
    "days_left",
    "given_total_u",
)
LIMIT = 2**62  # What a database integer holds, with room to add.
_LAYOUT = 1
_SOME = 0x0E
_NONE = 0x0F
_NONE_BYTE = bytes((_NONE,))


def pack(columns: Mapping[str, Column]) -> bytes:
    """`columns` has the values by channel, of up to 255; what is missing is None in all."""
    credited, charged = columns["credited_total_u"], columns["charged_total_u"]
    parts = [bytes((_LAYOUT, len(credited), len(COLUMNS))), _column(credited), _column(charged)]
    parts.append(
        _column(
            [b - c + d for b, c, d in zip(columns["balance_u"], credited, charged, strict=True)]
        )
    )
    try:
        # Nearly always: all there, and whole numbers. What else there is says so by its type.
        return b"".join((*parts, *map(_column, [columns[name] for name in COLUMNS[3:]])))
    except (KeyError, TypeError):
        pass
    for name in COLUMNS[3:]:
        column = columns.get(name)
        if column is None:
            parts.append(_NONE_BYTE)
        elif None in column:
            parts.append(_with_none(column))
        else:
            parts.append(_column(column))
    return b"".join(parts)


def unpack(packed: bytes) -> list[dict[str, int | None]]:
    """One dict per channel, with `ch` from 1 and every name of COLUMNS. ValueError if it is not
    what pack() made."""
    columns = dict.fromkeys(COLUMNS, (None,) * packed[1]) | _unpacked(packed, len(COLUMNS))
    columns["balance_u"] = tuple(
        a + b - c
        for a, b, c in zip(
            columns["balance_u"],
            columns["credited_total_u"],
            columns["charged_total_u"],
            strict=True,
        )
    )
    names = ("ch", *COLUMNS)
    rows = zip(range(1, packed[1] + 1), *columns.values(), strict=True)
    return [dict(zip(names, row, strict=True)) for row in rows]


def totals(packed: bytes) -> tuple[Column, Column]:
    """credited_total_u and charged_total_u, by channel, without unpacking the rest."""
    found = _unpacked(packed, 2)
    return found["credited_total_u"], found["charged_total_u"]


def charged_if_same_credit(before: bytes, after: bytes) -> Column | None:
    """The charged totals of `before`, if both have the same credited totals; None, too, if that
    is not seen at a glance."""
    end = 4 + (before[3] >> 4) + (before[3] & 15) * before[1]
    if before[0] != _LAYOUT or before[:end] != after[:end]:
        return None
    if before[3] & 15 > 8 or before[end] & 15 > 8:  # some are None
        return None
    return _value_at(before, end, before[1])[0]


def _column(values: Column) -> bytes:
    low = values[0]
    if values.count(low) == len(values):
        return _ALIKE.get(low) or _alike(low)
    low = min(values)
    above = [value - low for value in values]
    high = max(above)
    base = (low.bit_length() + 8) >> 3 if low else 0
    width = (high.bit_length() + 7) >> 3
    head = bytes((base << 4 | width,)) + low.to_bytes(base, "little", signed=True)
    if width == 1:
        return head + bytes(above)
    if low < -LIMIT or low + high > LIMIT:
        raise ValueError("a column has a value that is out of range")
    raw = _longs(len(above)).pack(*above)
    if width == 2:
        return head + raw[::8] + raw[1::8]
    if width == 3:
        return head + raw[::8] + raw[1::8] + raw[2::8]
    return head + b"".join([raw[i::8] for i in range(width)])


def _longs(count: int) -> struct.Struct:
    found = _LONGS.get(count)
    if found is None:
        found = _LONGS[count] = struct.Struct(f"<{count}Q")
    return found


_LONGS: dict[int, struct.Struct] = {}


def _alike(value: int) -> bytes:
    if not -2 * LIMIT < value < 2 * LIMIT:
        raise ValueError("a column has a value that is out of range")
    base = (value.bit_length() + 8) >> 3 if value else 0
    return bytes((base << 4,)) + value.to_bytes(base, "little", signed=True)


_ALIKE = {value: _alike(value) for value in range(64)}


def _with_none(values: Column) -> bytes:
    known = [value for value in values if value is not None]
    if not known:
        return _NONE_BYTE
    mask = sum(1 << i for i, value in enumerate(values) if value is None)
    bits = mask.to_bytes((len(values) + 7) >> 3, "little")
    low = min(known)
    filled = [low if value is None else value for value in values]
    return bytes((_SOME,)) + bits + _column(filled)


def _value_at(packed: bytes, at: int, count: int) -> tuple[Column, int]:
    """A column whose values are all there, and where it ends."""
    base, width = packed[at] >> 4, packed[at] & 15
    start = at + 1 + base
    low = int.from_bytes(packed[at + 1 : start], "little", signed=True)
    end = start + width * count
    if not width:
        return (low,) * count, end
    if width == 1:
        return tuple([low + byte for byte in packed[start:end]]), end
    raw = bytearray(8 * count)
    for i in range(width):
        raw[i::8] = packed[start + i * count : start + (i + 1) * count]
    return tuple([low + value for value in _longs(count).unpack(raw)]), end


def _unpacked(packed: bytes, most: int) -> dict[str, Column]:
    """The first columns, as they lie."""
    if packed[:1] != bytes((_LAYOUT,)):
        raise ValueError(f"layout {packed[0]} of a reading is not known; update this station")
    count = packed[1]
    found, at = {}, 3
    for name in COLUMNS[: min(most, packed[2])]:
        head, mask = packed[at], 0
        at += 1
        if head == _NONE:
            found[name] = (None,) * count
            continue
        if head == _SOME:
            end = at + ((count + 7) >> 3)
            mask = int.from_bytes(packed[at:end], "little")
            head, at = packed[end], end + 1
        values, end = _value_at(packed, at - 1, count)
        if mask:
            values = tuple(None if mask >> i & 1 else v for i, v in enumerate(values))
        found[name], at = values, end
    if at > len(packed):
        raise ValueError("a packed reading is cut off")
    return found

"""The partition table: as ESP-IDF's documents have it, byte by byte, and only sound ones."""

from hashlib import md5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flash_kit import FOUR_MB, STOCK, VFS
from umeter_deploy import partitions
from umeter_deploy.partitions import APP, DATA, Entry

NAMES = st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=15)
BYTE, WORD = st.integers(0, 255), st.integers(0, 2**32 - 1)
ENTRIES = st.builds(Entry, NAMES, BYTE, BYTE, WORD, WORD, WORD)


def read_by_hand(raw):
    """The rows of a table, field by field, and the MD5 behind them."""
    rows, at = [], 0
    while raw[at : at + 2] == b"\xaa\x50":
        offset, size, flags = (
            int.from_bytes(raw[at + i : at + i + 4], "little") for i in (4, 8, 28)
        )
        name = raw[at + 12 : at + 28].rstrip(b"\0").decode()
        rows.append((name, raw[at + 2], raw[at + 3], offset, size, flags))
        at += 32
    return rows, raw[at : at + 32], raw[at + 32 :]


@given(st.lists(ENTRIES, max_size=94))
def test_written_and_read_again(entries):
    table = tuple(entries)
    raw = partitions.encode(table)
    rows, digest, rest = read_by_hand(raw)
    assert rows == [(e.name, e.kind, e.subtype, e.offset, e.size, e.flags) for e in table]
    assert digest == b"\xeb\xeb" + b"\xff" * 14 + md5(raw[: 32 * len(table)]).digest()
    assert len(raw) == 0xC00 and set(rest) <= {0xFF}
    assert partitions.decode(raw) == table


@given(st.lists(ENTRIES, min_size=1, max_size=8), st.data())
def test_no_bit_of_a_row_changes_unseen(entries, data):
    raw = bytearray(partitions.encode(tuple(entries)))
    bit = data.draw(st.integers(0, (32 * len(entries) + 32) * 8 - 1))
    raw[bit // 8] ^= 1 << bit % 8
    with pytest.raises(ValueError):
        partitions.decode(bytes(raw))


@given(st.binary(max_size=4096))
def test_noise_is_no_table(raw):
    with pytest.raises(ValueError):
        partitions.decode(raw)


def test_the_bytes_of_a_meters_table():
    raw = partitions.encode(partitions.for_meter(STOCK))
    assert raw[:32].hex() == ("aa50010200900000006000006e76730000000000000000000000000000000000")
    assert raw[64:96].hex() == ("aa5000000000010000001f00666163746f727900000000000000000000000000")
    assert raw[96:128].hex() == (
        "aa50010600002000000004006a6f75726e616c00000000000000000000000000"
    )
    assert raw[128:160].hex() == (
        "aa50010600002400000004006c6f670000000000000000000000000000000000"
    )
    assert raw[160:176].hex() == "ebebffffffffffffffffffffffffffff"


def test_too_many_rows_and_names_that_do_not_fit():
    with pytest.raises(ValueError, match="94 rows at most, this has 95"):
        partitions.encode(STOCK[:1] * 95)
    for name in ("", "a" * 16, "a\0b", "ä" * 8):
        with pytest.raises(ValueError, match="is no name for a partition"):
            partitions.encode((Entry(name, DATA, 6, 0x9000, 0x1000),))


def test_without_the_md5_row_it_is_none():
    raw = partitions.encode(STOCK)
    with pytest.raises(ValueError, match="There is no partition table"):
        partitions.decode(raw[:96] + b"\xff" * 96)
    with pytest.raises(ValueError, match="There is no partition table"):
        partitions.decode(raw[:100])
    with pytest.raises(ValueError, match="MD5 is another"):
        partitions.decode(raw[:112] + bytes(16) + raw[128:])
    for end in (b"", raw[:32], raw[96:128]):
        with pytest.raises(ValueError, match="it does not end"):
            partitions.decode(raw[:128] + end)


def test_journal_and_log_come_behind_all_else():
    romfs = Entry("romfs", DATA, 0x8F, 0x200000, 0x20000)
    table = partitions.for_meter((*STOCK, romfs))
    assert table[:4] == (*STOCK, romfs)
    assert [(e.name, e.kind, e.subtype, e.offset, e.size) for e in table[4:]] == [
        ("journal", 1, 6, 0x220000, 0x40000),
        ("log", 1, 6, 0x260000, 0x40000),
    ]
    assert partitions.filesystem_offset(table) == 0x2A0000
    partitions.check(table, FOUR_MB)


def test_a_row_for_the_filesystem_gives_way():
    with_vfs = (*STOCK, VFS)
    assert partitions.filesystem_offset(with_vfs) == 0x200000
    assert partitions.for_meter(with_vfs) == partitions.for_meter(STOCK)
    assert partitions.for_meter(partitions.for_meter(STOCK)) == partitions.for_meter(STOCK)


@pytest.mark.parametrize(
    "entry",
    [
        Entry("ota_0", APP, 0x10, 0x10000, 0x180000),
        Entry("otadata", DATA, 0, 0xD000, 0x2000),
        Entry("uf2", APP, 0x20, 0x3D0000, 0x10000),
        Entry("ffat", DATA, 0x81, 0x200000, 0x100000),
    ],
)
def test_layouts_with_slots(entry):
    assert not partitions.has_slots((*STOCK, VFS))
    assert partitions.has_slots((*STOCK[:2], entry))


def test_the_factory_is_the_only_app():
    assert partitions.factory(STOCK) == STOCK[2]
    assert partitions.factory(STOCK[:2]) is None
    assert partitions.factory((*STOCK, Entry("b", APP, 0, 0x300000, 0x10000))) is None
    assert partitions.factory((Entry("a", APP, 0x10, 0x10000, 0x10000),)) is None


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (Entry("x", DATA, 6, 0x1FF000, 0x1000), "lies over what is before it"),
        (Entry("x", DATA, 6, 0x8000, 0x1000), "lies over what is before it, up to 0x9000"),
        (Entry("x", DATA, 6, 0x200800, 0x1000), "does not begin and end with a block"),
        (Entry("x", DATA, 6, 0x200000, 0x800), "does not begin and end with a block"),
        (Entry("x", DATA, 6, 0x200000, 0), "does not begin and end with a block"),
        (Entry("x", APP, 0, 0x201000, 0x10000), "does not begin and end with a block"),
        (Entry("x", DATA, 6, 0x200000, 0x201000), "ends at 0x401000, the flash at 0x400000"),
    ],
)
def test_what_the_bootloader_would_refuse(entry, words):
    partitions.check(STOCK, FOUR_MB)
    with pytest.raises(ValueError, match=words):
        partitions.check((*STOCK, entry), FOUR_MB)

"""MicroPython's images: what is read from them, and which are refused. They are synthetic (see
flash_kit): no image of a release lies in this repository.
"""

import pytest
from esptool.bin_image import LoadFirmwareImage
from esptool.targets import CHIP_DEFS

import flash_kit
from flash_kit import CHIP_IDS, DESCRIPTION_AT, OFFSETS, STOCK, VFS
from umeter_deploy import esp_image, partitions
from umeter_deploy.partitions import APP, DATA, Entry

OTA = (
    Entry("nvs", DATA, 2, 0x9000, 0x4000),
    Entry("otadata", DATA, 0, 0xD000, 0x2000),
    Entry("phy_init", DATA, 1, 0xF000, 0x1000),
    Entry("ota_0", APP, 0x10, 0x10000, 0x180000),
    Entry("ota_1", APP, 0x11, 0x190000, 0x180000),
)


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "fw.bin"
        path.write_bytes(content)
        return esp_image.read(path)

    return read


@pytest.fixture
def refused(read):
    def refused(content):
        with pytest.raises(ValueError) as error:
            read(content)
        sentence = str(error.value)
        assert sentence.count("\n") == 0 and not sentence.endswith(".")
        return sentence.split("fw.bin: ", 1)[1]

    return refused


@pytest.mark.parametrize("chip", CHIP_IDS)
def test_every_family(read, chip):
    content = flash_kit.image(chip)
    image = read(content)
    assert (image.chip, image.offset, image.version) == (chip, OFFSETS[chip], "1.28.0")
    assert (image.app_offset, image.flash_bytes, image.table) == (0x10000, 4 << 20, STOCK)
    assert (
        image.bootloader + content[0x8000 - OFFSETS[chip] : 0x10000 - OFFSETS[chip]] + (image.app)
        == content
    )
    rom = CHIP_DEFS[chip]
    assert OFFSETS[chip] == rom.BOOTLOADER_FLASH_OFFSET and CHIP_IDS[chip] == rom.IMAGE_CHIP_ID


@pytest.mark.parametrize("chip", CHIP_IDS)
def test_esptool_reads_the_synthetic_parts(read, chip):
    image = read(flash_kit.image(chip))
    for content in image.bootloader, image.app:
        part = LoadFirmwareImage(chip, content)
        assert part.chip_id == CHIP_IDS[chip] and part.append_digest
        assert part.checksum == part.calculate_checksum()
        assert part.stored_digest == part.calc_digest
    assert len(LoadFirmwareImage(chip, image.app).segments) == 3
    assert part.data_length + 32 == len(image.app)


@pytest.mark.parametrize(
    ("tag", "version"),
    [
        ("v1.28.0", "1.28.0"),
        ("v1.28.1", "1.28.1"),
        ("v1.29.0-preview.31.g0123456789", "1.29.0-preview.31.g0123456789"),
        ("v1.28.0-dirty", "1.28.0-dirty"),
        ("v2.0.0", "2.0.0"),
    ],
)
@pytest.mark.parametrize("banner", [True, False])
def test_versions_that_will_do(read, tag, version, banner):
    assert read(flash_kit.image(version=tag, banner=banner)).version == version


@pytest.mark.parametrize("tag", ["v1.27.9", "v1.9.4", "v0.99.0", "v1.28.0-preview.200.gabcdef"])
@pytest.mark.parametrize("banner", [True, False])
def test_older_ones_are_refused(refused, tag, banner):
    assert refused(flash_kit.image(version=tag, banner=banner)) == (
        f"It is MicroPython {tag[1:]}, and the meter needs 1.28.0 or newer; take a newer release"
    )


def test_what_is_at_the_prompt_counts_more_than_the_description(refused):
    content = flash_kit.image(version="v1.20.0").replace(b"v1.20.0", b"v1.28.0", 1)
    assert "damaged" in refused(content)  # the digest of the application holds it
    segments = [
        (0x3F400020, flash_kit.description("v1.28.0") + b"MicroPython v1.20.0 on 2023-04-26\0\0")
    ]
    image = flash_kit.image()
    assert "1.20.0" in refused(image[:0xF000] + flash_kit.part(0, segments))


def test_no_micropython(refused):
    other = flash_kit.image(project="blink", banner=False)
    assert "There is no MicroPython in it" in refused(other)
    tiny = flash_kit.image()[:0xF000] + flash_kit.part(0, [(0x3F400020, b"tiny")])
    assert "There is no MicroPython in it" in refused(tiny)


def test_not_for_a_known_chip(refused):
    content = bytearray(flash_kit.image())
    content[12] = 18
    assert refused(bytes(content)) == (
        "It is for a chip (number 18) that is not one of"
        " ESP32, ESP32-S2, ESP32-S3, ESP32-C3, ESP32-C6"
    )


def test_an_application_of_another_chip(refused):
    mixed = flash_kit.image("esp32c3")[:0x10000] + flash_kit.app(
        "esp32c6", "v1.28.0", True, 4000, "x"
    )
    assert refused(mixed) == "Its application is for another chip; fetch the file again"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"UF2\n" + bytes(600), "It is a .uf2, for a USB disk"),
        (b"", "no image for an ESP32"),
        (b"\xe9" + bytes(10), "no image for an ESP32"),
        (b"\x7fELF" + bytes(600), "no image for an ESP32"),
        (b"\xe9" + bytes(16 << 20), "more than any image"),
        (
            flash_kit.app("esp32", "v1.28.0", True, 90_000, "micropython"),
            "not the one for updates",
        ),
        (flash_kit.image(table=OTA), "It is laid out for updates of MicroPython"),
        (flash_kit.image(table=STOCK[:2]), "It is laid out for updates of MicroPython"),
        (flash_kit.image()[:-1], "Its application is damaged or cut off"),
        (flash_kit.image()[:0xF000], "Its application is damaged or cut off"),
        (flash_kit.image()[: 0xF000 + 60], "Its application is damaged or cut off"),
        (flash_kit.image()[:0x7000], "There is no partition table at 0x7000 of the file"),
    ],
)
def test_files_that_are_something_else(refused, content, words):
    assert words in refused(content)


@pytest.mark.parametrize(
    ("at", "part"), [(0x100, "bootloader"), (0x4000, "bootloader"), (0x10000, "application")]
)
def test_a_changed_byte_is_found(refused, at, part):
    content = bytearray(flash_kit.image())
    content[at] ^= 1
    assert refused(bytes(content)) == f"Its {part} is damaged or cut off; fetch the file again"


def test_a_damaged_table(refused):
    content = bytearray(flash_kit.image("esp32s3"))
    content[0x8004] ^= 1
    assert refused(bytes(content)).startswith(
        "The partition table is damaged: its MD5 is another at 0x8000 of the file; take"
    )


def test_an_image_with_a_filesystem_in_it(refused):
    small = (*STOCK[:2], Entry("factory", APP, 0, 0x10000, 0x10000))
    assert "take an image without a filesystem in it" in refused(flash_kit.image(table=small))


def test_a_row_for_the_filesystem_is_no_harm(read):
    assert read(flash_kit.image(table=(*STOCK, VFS))).table == (*STOCK, VFS)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ValueError, match="cannot be read: No such file"):
        esp_image.read(tmp_path / "absent.bin")


def test_the_description_is_where_the_bootloader_looks(read):
    image = read(flash_kit.image())
    assert image.app[DESCRIPTION_AT : DESCRIPTION_AT + 4] == b"\x32\x54\xcd\xab"
    assert partitions.factory(image.table).size >= len(image.app)

"""Modbus-RTU's checksum."""


def crc16(data: bytes) -> int:
    """CRC-16/MODBUS; 0 over a frame that ends with its own, low byte first."""
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0xA001 if crc & 1 else 0)
    return crc


def framed(data: bytes) -> bytes:
    """With its checksum behind it."""
    return data + crc16(data).to_bytes(2, "little")

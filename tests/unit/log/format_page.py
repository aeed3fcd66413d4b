#!/usr/bin/python3
"""Writes the worked example of plugins/persistence/log/FORMAT.md from what the page says, without the log's own code.

usage: format_page.py PAGE     compares with the rows that stand in the page; exit 1 where they differ
       format_page.py          prints the rows
"""
import re
import struct
import sys

BLOCK = 4096


def crc32c(octets):
    """Castagnoli's polynomial, reflected, begun and ended inverted."""
    crc = 0xFFFFFFFF
    for octet in octets:
        crc ^= octet
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def with_crc(magic, rest):
    return magic + struct.pack("<I", crc32c(rest)) + rest


def segment_header():
    return with_crc(b"YMLS", struct.pack("<HHIQQQQ16x", 0, 0, 0, 1, 0x1122334455667788, 65536, 0x0102030405060708))


def frame(kind, sequence, durable, first, position, chain, batches=()):
    table = b"".join(struct.pack("<II", len(b), crc32c(b)) for b in batches)
    body = table + b"".join(batches)
    rest = struct.pack(
        "<HHIQQQQQQIIIIQ8x",
        0, kind, len(batches), 0x1122334455667788, sequence, durable, first, 1, 1, len(body), crc32c(table), chain, 0, position,
    )  # fmt: skip
    header = with_crc(b"YMLF", rest)
    return header + body, struct.unpack("<I", header[4:8])[0]


def example():
    epoch, epoch_crc = frame(3, 1, 0, 1, 0x1000, 0)
    batches, batches_crc = frame(1, 2, 1, 1, 0x2000, epoch_crc, [b"hello", b"Yardmaster"])
    mark, _ = frame(2, 3, 2, 3, 0x3000, batches_crc)
    return {0: segment_header(), 0x1000: epoch, 0x2000: batches, 0x3000: mark}


def rows(pieces):
    for position, octets in pieces.items():
        octets += bytes(-len(octets) % 16)
        for at in range(0, len(octets), 16):
            row = octets[at : at + 16]
            yield f"{position + at:08x}  " + " ".join(f"{octet:02x}" for octet in row)


def main(arguments):
    expected = list(rows(example()))
    if len(arguments) < 2:
        print("\n".join(expected))
        return 0
    with open(arguments[1], encoding="utf-8") as page:
        found = [" ".join(line.split()[:17]) for line in page if re.match(r"^[0-9a-f]{8}  [0-9a-f]{2} ", line)]
    expected = [" ".join(row.split()) for row in expected]
    for row in expected:
        if row not in found:
            print(f"the page has no row {row}")
    for row in found:
        if row not in expected:
            print(f"a row of the page is not as the page says: {row}")
    return 0 if found == expected else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv))

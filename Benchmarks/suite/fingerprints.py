"""Fingerprints of the people of the email project, a million a second: what list_members has of each.

`python fingerprints.py KEY FIRST LAST` writes a binary COPY of (number bigint, fingerprint uuid) to standard output. KEY is
the sync's `fingerprint_key` in hexadecimal digits. The hash is that of `Fingerprinter` (SipHash-2-4 of 128 bits, by Aumasson
and Bernstein), computed for many people at once with numpy, which the section `huge` installs. The section compares some of
them with those that Rollcall has made.
"""
from __future__ import annotations

import sys

import numpy

EMAILS = 0x656D_6169_6C00_0000
"""What sets hashes of addresses apart from hashes of other things, as in `Fingerprinter`."""
GROUP = 20_000
"""People who are hashed at once; their arrays stay in the processor's cache."""


def main() -> None:
    from audience import DOMAINS

    key, (first, last) = bytes.fromhex(sys.argv[1]), map(int, sys.argv[2:])
    key0 = int.from_bytes(key[:8], "little") ^ EMAILS
    key1 = int.from_bytes(key[8:16], "little")
    out = sys.stdout.buffer
    out.write(b"PGCOPY\n\xff\r\n\0" + bytes(8))
    start = first
    while start <= last:
        end = min(last, start + GROUP * len(DOMAINS) - 1, 10 ** len(str(start)) - 1)  # all with as many digits
        for place, domain in enumerate(DOMAINS):
            numbers = numpy.arange(start + (place - start) % len(DOMAINS), end + 1, len(DOMAINS), dtype=numpy.uint64)
            if len(numbers):
                out.write(rows(numbers, *hashes(key0, key1, addresses(numbers, domain))))
        start = end + 1
    out.write(b"\xff\xff")


def addresses(numbers: numpy.ndarray, domain: str) -> numpy.ndarray:
    """The addresses of people whose numbers have as many digits, as rows of bytes: `audience.postgres_email`."""
    digits, end = len(str(int(numbers[0]))), f"@{domain}".encode()
    text = numpy.empty((len(numbers), 8 + 1 + digits + len(end)), dtype=numpy.uint8)
    scattered = numbers * numpy.uint64(2654435761) % numpy.uint64(2**32)
    hexadecimal = numpy.frombuffer(b"0123456789abcdef", dtype=numpy.uint8)
    for place in range(8):
        text[:, place] = hexadecimal[(scattered >> numpy.uint64(28 - 4 * place)) & numpy.uint64(15)]
    text[:, 8] = ord(".")
    for place in range(digits):
        power = numpy.uint64(10 ** (digits - 1 - place))
        text[:, 9 + place] = numbers // power % numpy.uint64(10) + numpy.uint64(ord("0"))
    text[:, 9 + digits:] = numpy.frombuffer(end, dtype=numpy.uint8)
    return text


def hashes(key0: int, key1: int, texts: numpy.ndarray) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Both halves of the hash of each row of bytes."""
    count, length = texts.shape
    padded = numpy.zeros((count, length // 8 * 8 + 8), dtype=numpy.uint8)
    padded[:, :length] = texts
    padded[:, -1] = length % 256
    words = padded.view("<u8")
    state = [numpy.full(count, start, dtype=numpy.uint64) for start in (
        key0 ^ 0x736F_6D65_7073_6575, key1 ^ 0x646F_7261_6E64_6F6D ^ 0xEE, key0 ^ 0x6C79_6765_6E65_7261,
        key1 ^ 0x7465_6462_7974_6573)]
    for place in range(words.shape[1]):
        word = numpy.ascontiguousarray(words[:, place])
        state[3] ^= word
        mix(state, 2)
        state[0] ^= word
    state[2] ^= numpy.uint64(0xEE)
    mix(state, 4)
    high = state[0] ^ state[1] ^ state[2] ^ state[3]
    state[1] ^= numpy.uint64(0xDD)
    mix(state, 4)
    return high, state[0] ^ state[1] ^ state[2] ^ state[3]


def mix(state: list[numpy.ndarray], rounds: int) -> None:
    """Rounds of SipHash, in place."""
    v0, v1, v2, v3 = state

    def turned(value: numpy.ndarray, bits: int) -> numpy.ndarray:
        return value << numpy.uint64(bits) | value >> numpy.uint64(64 - bits)

    for _ in range(rounds):
        v0 += v1
        v1[:] = turned(v1, 13) ^ v0
        v0[:] = turned(v0, 32)
        v2 += v3
        v3[:] = turned(v3, 16) ^ v2
        v0 += v3
        v3[:] = turned(v3, 21) ^ v0
        v2 += v1
        v1[:] = turned(v1, 17) ^ v2
        v2[:] = turned(v2, 32)


def rows(numbers: numpy.ndarray, high: numpy.ndarray, low: numpy.ndarray) -> bytes:
    """Rows of a binary COPY: two values each, of 8 and of 16 bytes."""
    table = numpy.empty(len(numbers), dtype=[
        ("values", ">i2"), ("length", ">i4"), ("number", ">i8"), ("width", ">i4"), ("high", ">u8"), ("low", ">u8")])
    table["values"], table["length"], table["width"] = 2, 8, 16
    table["number"], table["high"], table["low"] = numbers, high, low
    return table.tobytes()


if __name__ == "__main__":
    main()

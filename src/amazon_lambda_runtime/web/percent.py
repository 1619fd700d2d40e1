"""Percent-encoding of paths and queries, as bytes. Not urllib: it takes a while to load."""

from binascii import a2b_hex

_LETTERS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
#: What stands for itself in a path, and in a part of a query.
PATH = _LETTERS + b"/:@!$&'()*+,;="
PART = _LETTERS
# What a path that is encoded already may have: all of ASCII that can be seen, but for the two
# characters that would end it.
_ENCODED = bytes(byte for byte in range(0x21, 0x7F) if byte not in b"?#")
_HEX = frozenset(b"0123456789abcdefABCDEF")


def quoted(data: bytes, safe: bytes) -> bytes:
    """Return `data` with "%XX" for each byte that is not in `safe`."""
    if not data.translate(None, safe):
        return data
    return b"".join(bytes((byte,)) if byte in safe else b"%%%02X" % byte for byte in data)


def mended(data: bytes) -> bytes:
    """Return an encoded path, with "%XX" for what can't be in one."""
    first, *others = data.split(b"%")
    pieces = [first]
    for other in others:
        is_code = len(other) > 1 and _HEX.issuperset(other[:2])
        pieces.append((b"%" if is_code else b"%25") + other)
    return quoted(b"".join(pieces), _ENCODED)


def unquoted(data: bytes) -> bytes:
    """Return what an encoded path stands for; "%" without two hex digits stands for itself."""
    if b"%" not in data:
        return data
    first, *others = data.split(b"%")
    pieces = [first]
    for other in others:
        if len(other) > 1 and _HEX.issuperset(other[:2]):
            pieces += a2b_hex(other[:2]), other[2:]
        else:
            pieces += b"%", other
    return b"".join(pieces)

"""Patterns of names: `*` stands for any characters or none, `?` for one.

Not fnmatch: it gives brackets, which S3's keys may contain, a meaning, and loads `re`.
"""


def matches(pattern: str, text: str) -> bool:
    """Say whether `pattern` matches the whole of `text`. Case counts."""
    return _matches_slowly(pattern, text) if "?" in pattern else _matches(pattern, text)


def _matches(pattern: str, text: str) -> bool:
    """Find what is between the stars, one after the other."""
    first, *between = pattern.split("*")
    if not between:
        return pattern == text
    if not text.startswith(first):
        return False
    place, last = len(first), between.pop()
    for part in between:
        place = text.find(part, place)
        if place < 0:
            return False
        place += len(part)
    return len(text) - place >= len(last) and text.endswith(last)


def _matches_slowly(pattern: str, text: str) -> bool:
    p = t = 0
    star, mark = -1, 0  # the last `*` that was passed, and where the text stood then
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, mark = p, t
            p += 1
        elif p < len(pattern) and pattern[p] in ("?", text[t]):
            p += 1
            t += 1
        elif star >= 0:
            mark += 1  # let the star take one character more
            p, t = star + 1, mark
        else:
            return False
    return not pattern[p:].strip("*")


def is_exact(pattern: str) -> bool:
    """Say whether a pattern matches one text only."""
    return "*" not in pattern and "?" not in pattern

"""Patterns of names: `*` stands for any characters or none, `?` for one.

Not fnmatch: it gives brackets, which S3's keys may contain, a meaning, and loads `re`.
"""


def matches(pattern: str, text: str) -> bool:
    """Say whether `pattern` matches the whole of `text`. Case counts."""
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

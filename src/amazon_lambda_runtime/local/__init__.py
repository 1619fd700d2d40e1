"""A Lambda on this machine: the Runtime API for any runtime, the Invoke API for its callers.

Nothing here knows which runtime lives in it. Needs the extra `local`.
"""

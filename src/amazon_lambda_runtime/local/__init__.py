"""A Lambda on this machine: the Runtime API for any runtime, the Invoke API for its callers.

Nothing here knows which runtime lives in it. Needs the extra `local`.
"""

from .function import Function
from .invocation import Answer, Invocation
from .pool import Pool
from .server import LocalLambda

__all__ = ["Answer", "Function", "Invocation", "LocalLambda", "Pool"]

"""Web applications, ASGI and WSGI, served as they are: `CMD ["main.app"]`."""

from .errors import BadEvent, NotHttp, StartupFailed
from .site import Web

__all__ = ["BadEvent", "NotHttp", "StartupFailed", "Web"]

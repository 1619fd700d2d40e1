"""Which callables are web applications, told by what they have to be called with.

Rule: nothing is imported to find out, so it also works for frameworks that are unknown here. An
ASGI application takes (scope, receive, send), a WSGI application (environ, start_response), and a
handler is everything else.
"""

from .errors import HandlerNotFound
from .signature import signature_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

ASGI, WSGI = "asgi", "wsgi"


def kind_of(found: "Any", name: str) -> str:
    """Return ASGI, WSGI, or "" for a handler; `name` is what the handler string says.

    Raises HandlerNotFound for a callable that can be given no event: a factory, or a job, or an
    application of ASGI 2.
    """
    told = signature_of(found)
    if told is None:
        return ""
    names = [each.lower().lstrip("_") for each in told.positional]
    if isinstance(found, type):  # to make one is to call the application
        if names == ["scope", "receive", "send"] and hasattr(found, "__await__"):
            return ASGI
        return WSGI if names[1:2] == ["start_response"] and hasattr(found, "__iter__") else ""
    if len(told.needed) == 3 and (told.is_async or names[1:3] == ["receive", "send"]):
        return ASGI
    # The first parameter tells nothing: a handler may be `handler(env, context)`.
    if len(names) >= 2 and names[1].startswith("start_resp"):
        return WSGI
    if names[:1] == ["scope"] and len(told.needed) == 1:
        raise HandlerNotFound(
            f"{name} is an ASGI 2 application: wrap it with"
            " asgiref.compatibility.guarantee_single_callable"
        )
    if told.takes_too_few and not told.needed:
        raise HandlerNotFound(f"{name} takes no event: write {name}() if it makes the application")
    return ""

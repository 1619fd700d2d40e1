"""A function URL: any HTTP request invokes the function, and its result is the response.

`url_event` makes the event and `url_response` reads the result; this file answers the client. A
response that AWS would refuse is a 502, and the log of the invocation says which field it was. In
place of the URL there may be another front door.
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

import json
from collections.abc import Callable, Mapping

from amazon_lambda_runtime.local import host_check
from amazon_lambda_runtime.local.engine.exchange import Exchange
from amazon_lambda_runtime.local.engine.function import LocalFunction
from amazon_lambda_runtime.local.engine.invocation import Answer, Invocation
from amazon_lambda_runtime.local.http import Request, Response, json_response
from amazon_lambda_runtime.protocol import HTTP_INTEGRATION, JSON, PRELUDE_END

from .cors import Cors, combined
from .front_doors import DOORS, FrontDoor
from .invoke_api import pause_if_full, resume
from .url_event import TooLarge
from .url_response import Head, Malformed, prelude_of

Submit = Callable[[Invocation], None]
#: Writes a line to the log of an invocation.
Say = Callable[[Invocation, str], None]

# In bytes: a stream without the end of a prelude in its first part has none.
_PRELUDE_LIMIT = 1024 * 1024


class FunctionUrl:
    """Invokes the function with every request, and answers with its result.

    With `streams`, the response is sent as the function writes it (invoke mode RESPONSE_STREAM).
    With `cors`, pages of other origins may call it. `door` is what the function sees.
    """

    def __init__(
        self,
        function: LocalFunction,
        submit: Submit,
        say: Say,
        host: str,
        streams: bool,
        cors: Cors | None = None,
        door: FrontDoor = DOORS["url"],
    ) -> None:
        self._door = door
        self._function = function
        self._submit = submit
        self._say = say
        self._host = host
        self._streams = streams
        self._cors = cors

    def head(self, request: Request) -> None:
        """Take the body whole."""

    def handle(self, request: Request) -> None:
        """Invoke the function."""
        cors = self._cors
        allowed = cors is not None and cors.allows(request)
        if reason := host_check.refusal(request.headers, self._host, allowed):
            request.answer(json_response(403, {"Message": reason}))
            return
        if cors is not None and (preflight := cors.preflight(request)) is not None:
            request.answer(preflight)
            return
        if not self._door.has(request):
            request.answer(self._door.outside)
            return
        more = cors.fields(request) if cors is not None else {}
        caller = (_Streamed if self._streams else _Buffered)(request, self._say, more, self._door)
        invocation = Invocation(b"", caller=caller)
        invocation.exchange = Exchange(request.method, request.target)
        try:
            event = self._door.event_of(request, self._function, invocation)
        except TooLarge:
            request.answer(json_response(413, {"Message": "Request entity too large"}, more))
            return
        invocation.event = json.dumps(event).encode()
        request.on_drain = lambda: resume(invocation)
        self._submit(invocation)


class _Caller:
    """What both kinds of client have in common: `more` are header fields of each response."""

    wants_pieces = False

    def __init__(
        self, request: Request, say: Say, more: Mapping[str, str], door: FrontDoor
    ) -> None:
        self._request = request
        self._say = say
        self._more = more
        self._door = door

    def piece(self, invocation: Invocation, data: bytes) -> None:
        """Take a piece of the response, if pieces are wanted."""

    def reported(self, invocation: Invocation) -> None:
        if invocation.answer is None:
            self._request.cut()

    def throttled(self, invocation: Invocation) -> None:
        self._send(invocation, json_response(429, {"Message": "Rate Exceeded."}, self._more))

    def _answer_with_result(self, invocation: Invocation, payload: bytes) -> None:
        try:
            head, body = self._door.response_of(payload)
        except Malformed as error:
            self._refuse(invocation, error)
        else:
            self._answer(invocation, head, body)

    def _answer(self, invocation: Invocation, head: Head, body: bytes) -> None:
        self._send(invocation, Response(head.status, self._fields(invocation, head), body))

    def _fail(self, invocation: Invocation) -> None:
        error = self._door.error
        headers = {**error.headers, **_identity(invocation), **self._more}
        self._send(invocation, Response(error.status, headers, error.body))

    def _send(self, invocation: Invocation, response: Response) -> None:
        self._note(invocation, response.status)
        self._request.answer(response)

    def _note(self, invocation: Invocation, status: int) -> None:
        """Note for the console what the client gets."""
        if invocation.exchange is not None:
            invocation.exchange.status = status

    def _refuse(self, invocation: Invocation, error: Malformed) -> None:
        told = (
            f"{self._door.title}: {self._door.error.status}, the response cannot be sent: {error}"
        )
        self._say(invocation, told)
        self._fail(invocation)

    def _fields(self, invocation: Invocation, head: Head) -> dict[str, str]:
        for field in head.ignored:
            use = " and ".join(self._door.fields)
            self._say(invocation, f"{self._door.title}: {field} is ignored; use {use}")
        fields = {**head.headers, **_identity(invocation)}
        return combined(fields, self._more) if self._more else fields


class _Buffered(_Caller):
    """A client that gets the response whole."""

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        if answer.failed:
            self._fail(invocation)
        elif invocation.content_type == HTTP_INTEGRATION:
            self._say(
                invocation,
                f"{self._door.title}: the function streams, but the URL is buffered: it needs "
                "invoke mode RESPONSE_STREAM (--stream); what AWS sends without it is not verified",
            )
            prelude, _, body = answer.payload.partition(PRELUDE_END)
            try:
                head = prelude_of(prelude, self._door.fields)
            except Malformed as error:
                self._refuse(invocation, error)
            else:
                self._answer(invocation, head, body)
        else:
            self._answer_with_result(invocation, answer.payload)


class _Streamed(_Caller):
    """A client that gets each piece as it is written."""

    wants_pieces = True

    def __init__(
        self, request: Request, say: Say, more: Mapping[str, str], door: FrontDoor
    ) -> None:
        super().__init__(request, say, more, door)
        self._started = False
        self._prelude = b""

    def piece(self, invocation: Invocation, data: bytes) -> None:
        if not self._started:
            if invocation.content_type == HTTP_INTEGRATION:
                data = self._start_from_prelude(invocation, self._prelude + data)
            else:
                self._start(invocation, Head(200, {"Content-Type": invocation.content_type}))
        self._request.write(data)
        pause_if_full(self._request, invocation)

    def answered(self, invocation: Invocation, answer: Answer) -> None:
        if answer.failed:
            self._request.cut() if self._started else self._fail(invocation)
        elif self._prelude:
            self._refuse(invocation, Malformed("the stream ends within its prelude"))
        elif self._started:
            self._request.finish()
        elif invocation.is_streamed or invocation.content_type != JSON:
            self._start(invocation, Head(200, {"Content-Type": invocation.content_type}))
            self._request.write(answer.payload)
            self._request.finish()
        else:
            self._answer_with_result(invocation, answer.payload)

    def _start_from_prelude(self, invocation: Invocation, data: bytes) -> bytes:
        """Start with the status and headers that `data` begins with; return what follows them.

        If they are not complete, wait for more and return nothing. If they are malformed, the
        client has its 502, and what follows is dropped.
        """
        prelude, found, rest = data.partition(PRELUDE_END)
        if not found and len(data) < _PRELUDE_LIMIT:
            self._prelude = data
            return b""
        self._prelude = b""
        try:
            self._start(invocation, prelude_of(prelude, self._door.fields))
        except Malformed as error:
            self._started = True
            self._refuse(invocation, error)
        return rest

    def _start(self, invocation: Invocation, head: Head) -> None:
        self._started = True
        self._note(invocation, head.status)
        self._request.start(head.status, self._fields(invocation, head))


def _identity(invocation: Invocation) -> dict[str, str]:
    return {"x-amzn-RequestId": invocation.id, "X-Amzn-Trace-Id": invocation.trace_id}

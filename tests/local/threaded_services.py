"""The embedded services in a thread of this process: they start at once, and take no process."""

import socket
import threading
from typing import Any, Self

from werkzeug.serving import WSGIRequestHandler, make_server

from amazon_lambda_runtime.local.services import application


class _Quiet(WSGIRequestHandler):
    def log(self, kind: str, message: str, *args: Any) -> None:
        """Log nothing."""


class ThreadedServices:
    """In place of EmbeddedServices."""

    def __init__(self, port: int) -> None:
        with socket.create_server((application.HOST, port)) as listener:
            self._server = make_server(
                application.HOST,
                0,
                application.make(),
                threaded=True,
                request_handler=_Quiet,
                fd=listener.fileno(),
            )
        self.endpoint = f"http://{application.HOST}:{self._server.port}"
        self.pid = 0
        self._thread = threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True)
        self._thread.start()

    @classmethod
    def start(cls, port: int = 0) -> Self:
        return cls(port)

    def wait(self) -> None:
        """It is up."""

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

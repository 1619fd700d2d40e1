"""The process that serves them: `python -m amazon_lambda_runtime.local.services FD`.

FD is a socket that listens. The process ends when its standard input closes: then whoever started
it has ended, or wants it to.
"""

import os
import signal
import sys
import threading
from typing import Any

from amazon_lambda_runtime.local.services import application


def main() -> None:
    """Say `ready` on stdout once moto is imported, and serve until the end."""
    # Ctrl-C in a terminal reaches this process, too, and pollers still need it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    from moto.moto_server.werkzeug_app import MotoRequestHandler
    from werkzeug.serving import make_server

    class Quiet(MotoRequestHandler):
        def log(self, kind: str, message: str, *args: Any) -> None:
            """Log nothing: the requests of pollers do not belong in the functions' log."""

    made = application.make()
    server = make_server(
        application.HOST, 0, made, threaded=True, request_handler=Quiet, fd=int(sys.argv[1])
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print("ready", flush=True)
    sys.stdin.buffer.read()
    os._exit(0)  # long polls are in flight, and there is nothing to keep


if __name__ == "__main__":
    main()

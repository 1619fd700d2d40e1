import sqlite3
from typing import Any

from amazon_lambda_runtime import Context, Runtime


class Tidy(Runtime):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.open()

    def open(self) -> None:
        self.database = sqlite3.connect(":memory:")

    def handler(self, event: Any, context: Context) -> Any:
        return self.database.execute("select ?", [event["number"]]).fetchone()[0]

    def before_snapshot(self) -> None:
        self.database.close()  # nothing that is open goes into a snapshot

    def after_restore(self) -> None:
        self.open()

    def on_shutdown(self) -> None:
        self.database.close()
        self.logger.info("tidied up")

from typing import Any

from amazon_lambda_runtime.events import EventRuntime

app = EventRuntime()


@app.on("aws:cognito", trigger="PreSignUp_*")
def confirm(event: dict[str, Any]) -> None:
    address = event["request"]["userAttributes"]["email"]
    event["response"]["autoConfirmUser"] = address.endswith("@example.com")

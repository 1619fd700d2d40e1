from typing import Any

from amazon_lambda_runtime.events import EventRuntime

app = EventRuntime()


@app.on("aws:appsync")
async def related_posts(event: dict[str, Any]) -> list[str]:
    return [f"more like {event['source']['id']}"]

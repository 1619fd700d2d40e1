from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import BackgroundTasks, FastAPI, Request
from fastapi.responses import StreamingResponse


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, list[str]]]:
    yield {"seen": []}  # a pool, a client, a model: once for each environment


app = FastAPI(lifespan=lifespan)


@app.get("/items/{number}")
async def item(number: int, request: Request, after: BackgroundTasks) -> dict[str, object]:
    seen: list[str] = request.state.seen
    after.add_task(seen.append, str(number))  # the client has its answer by then
    return {"number": number, "seen": seen, "url": str(request.url)}


@app.get("/events")
async def events() -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        for number in range(3):
            yield f"data: {number}\n\n"

    return StreamingResponse(pieces(), media_type="text/event-stream")

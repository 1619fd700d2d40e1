"""The handler of every candidate: whatever takes time is the runtime."""


def handler(event: object, context: object) -> object:
    return event


async def handler_async(event: object, context: object) -> object:
    return event

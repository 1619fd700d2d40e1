from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def greet(name: str = "World") -> dict[str, str]:
    return {"message": f"Hello {name}!"}

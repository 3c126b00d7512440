"""What most FastAPI services do: a typed path parameter in, a Pydantic model out as JSON."""

from fastapi import FastAPI
from pydantic import BaseModel


class Item(BaseModel):
    id: int
    name: str
    price: float
    tags: list[str]
    in_stock: bool = True


app = FastAPI(openapi_url=None)


@app.get("/items/{number}")
async def read_item(number: int) -> Item:
    return Item(id=number, name=f"Item {number}", price=9.99, tags=["new", "offer"])

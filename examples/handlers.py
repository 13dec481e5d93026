"""Four example handlers: plain functions that import nothing of the service.

    TASKS_HANDLERS=examples.handlers make run

A run may be repeated after a crash. Each function is therefore idempotent: it overwrites what it
wrote, or names its work by the task's id.
"""

import csv
import io
import time
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import requests
from pydantic import Field


@dataclass
class Order:
    day: date
    product: str
    pieces: Annotated[int, Field(ge=1)]
    price: float


def csv_report(orders: list[Order], delimiter: str = ",", *, context: Any) -> dict[str, Any]:
    """Build a CSV file of orders, with the sum of each."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(["day", "product", "pieces", "price", "sum"])
    for number, order in enumerate(orders, 1):
        writer.writerow(
            [
                order.day,
                order.product,
                order.pieces,
                order.price,
                round(order.pieces * order.price, 2),
            ]
        )
        context.progress(number / len(orders), f"{number} of {len(orders)} orders")
    total = round(sum(order.pieces * order.price for order in orders), 2)
    context.log(f"The sum of {len(orders)} orders is {total}")
    return {"csv": text.getvalue(), "rows": len(orders), "total": total}


class NoPicture(Exception):
    """The file is not a picture, so another attempt would fail as well."""

    retry = False


def thumbnail(
    source: str, target: str, width: Annotated[int, Field(ge=1, le=4096)] = 256
) -> dict[str, Any]:
    """Make a smaller copy of a picture with the given width. Needs `pip install pillow`."""
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(source) as picture:
            picture.thumbnail((width, picture.height))
            unfinished = Path(f"{target}.unfinished.png")
            picture.save(unfinished)
            unfinished.replace(target)
            print(f"{source} is now {picture.width} x {picture.height}")
            return {"path": target, "width": picture.width, "height": picture.height}
    except UnidentifiedImageError as error:
        raise NoPicture(f"{source} is not a picture") from error


def render_video(service: str, video: str, *, context: Any) -> dict[str, Any]:
    """Have a slow service render a video, and wait for it."""
    named = {"Idempotency-Key": context.task_id}
    job = requests.post(
        f"{service}/renders", json={"video": video}, headers=named, timeout=10
    ).json()
    while job["state"] != "ready":
        context.progress(job["done"], job["state"])
        time.sleep(job.get("ask_again_seconds", 1))
        job = requests.get(f"{service}/renders/{job['id']}", timeout=10).json()
    return {"url": job["url"]}


async def ask_model(url: str, prompt: str, *, context: Any) -> str:
    """Stream the answer of a slow model. Hundreds of these wait in one process of a worker."""
    headers = {"Idempotency-Key": context.task_id}
    parts: list[str] = []
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.post(url, json={"prompt": prompt}, headers=headers) as response,
    ):
        async for line in response.content:
            parts.append(line.decode())
            expected = response.headers.get("X-Expected-Lines")
            if expected:
                context.progress(len(parts) / int(expected), f"{len(parts)} of {expected} lines")
    print(f"{len(parts)} lines")
    return "".join(parts)

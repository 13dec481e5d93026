"""The service to compare with: the smallest one of Flask, Celery and Redis, with their defaults."""

import time
from datetime import UTC, datetime
from typing import Any

import redis
from flask import Flask, abort, jsonify, request

from benchmarks.peers.celery_app import REDIS_URL
from benchmarks.peers.celery_app import app as celery_app

TASK_LIST = "tasks"

app = Flask(__name__)
store: Any = redis.Redis.from_url(REDIS_URL, decode_responses=True)


def record_key(task_id: str) -> str:
    return f"task:{task_id}"


def new_record(task_id: str, task_name: str, duration: int) -> dict[str, Any]:
    return {
        "task_id": task_id,
        "task_name": task_name,
        "duration": duration,
        "status": "QUEUED",
        "submitted_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }


@celery_app.task(bind=True)
def sleep(self: Any, duration: int) -> str:
    """Wait for this many seconds."""
    store.hset(record_key(self.request.id), "status", "PROCESSING")
    time.sleep(duration)
    store.hset(record_key(self.request.id), "status", "COMPLETED")
    return f"Task completed in {duration} seconds"


@app.post("/tasks")
def submit() -> Any:
    body = request.get_json()
    task_id = sleep.apply_async(args=(body["duration"],)).id
    record = new_record(task_id, body["task_name"], body["duration"])
    store.hset(record_key(task_id), mapping=record)
    store.rpush(TASK_LIST, task_id)
    return jsonify({name: record[name] for name in ("task_id", "status", "submitted_at")}), 202


@app.get("/tasks/<task_id>")
def get_one(task_id: str) -> Any:
    return jsonify(store.hgetall(record_key(task_id)) or abort(404))


@app.get("/tasks")
def get_page() -> Any:
    page, page_size = int(request.args.get("page", 1)), int(request.args.get("page_size", 10))
    total = store.llen(TASK_LIST)
    first = (page - 1) * page_size
    ids = store.lrange(TASK_LIST, first, first + page_size - 1)
    pagination = {
        "current_page": page,
        "page_size": page_size,
        "total_pages": -(-total // page_size),
        "total_tasks": total,
    }
    return jsonify(
        {"pagination": pagination, "tasks": [store.hgetall(record_key(task_id)) for task_id in ids]}
    )


@app.get("/readyz")
def readyz() -> Any:
    return jsonify(status="ready" if store.ping() else "away")

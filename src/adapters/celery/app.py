"""Creates the Celery application, with the settings on which the guarantees depend."""

import ssl
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from celery import Celery
from kombu import Exchange, Queue
from kombu.transport.redis import Channel, Transport

from adapters.redis.connection import kind_of_connection
from adapters.redis.lanes import lanes_of
from application.sentinel_url import SentinelUrl

WORK_TASK = "task-manager.work"
WAKE_UP_LIST_PREFIX = "task-manager.work."


def create_celery_app(redis_url: str, queues: Sequence[str], *, both_lanes: bool = False) -> Celery:
    """Create the app without a connection. With `both_lanes`, processes serve all lanes.

    docs/decisions/0003-set-celery-so-that-nothing-is-lost.md has the reason for each setting.
    """
    app = Celery("task-manager", broker=broker_url(redis_url), set_as_current=False)
    lanes = [lane for queue in queues for lane in lanes_of(queue)] if both_lanes else queues
    app.conf.update(_settings(lanes))
    if redis_url.startswith("rediss://"):
        app.conf.broker_use_ssl = {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
    if SentinelUrl.matches(redis_url):
        app.conf.broker_transport = transport_to_master(redis_url)
    return app


def transport_to_master(redis_url: str) -> type[Transport]:
    """Return kombu's transport for Redis with the connections of a sentinel:// URL.

    kombu has a transport for sentinels, too. It would not refuse a server that is no master.
    """

    class MasterChannel(Channel):
        connection_class = kind_of_connection(redis_url)

    class MasterTransport(Transport):
        Channel = MasterChannel

    return MasterTransport


def broker_url(redis_url: str) -> str:
    """Return the URL as kombu spells it, with `redis+socket://` for a Unix socket.

    That of sentinels says nothing: the connections of transport_to_master know where they lead.
    """
    if SentinelUrl.matches(redis_url):
        return "redis://sentinels"
    parts = urlsplit(redis_url)
    if parts.scheme != "unix":
        return redis_url
    database = parts.query.removeprefix("db=") or 0
    return f"redis+socket://{parts.netloc}{parts.path}?virtual_host={database}"


def queue_of_wake_ups(lane: str) -> Queue:
    """Return the Celery queue that holds the wake-ups of a lane.

    Its name is that of the Redis list.
    """
    name = WAKE_UP_LIST_PREFIX + lane
    return Queue(name, Exchange(""), routing_key=name)


def _settings(lanes: Sequence[str]) -> dict[str, Any]:
    celery_queues = [queue_of_wake_ups(lane) for lane in lanes]
    return {
        "task_serializer": "json",
        "accept_content": ["json"],
        "result_accept_content": ["json"],
        "task_queues": celery_queues,
        "task_default_queue": celery_queues[0].name,
        "task_default_exchange": "",
        "task_create_missing_queues": False,
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": False,
        "worker_prefetch_multiplier": 1,
        "worker_pool": "prefork",
        "worker_consumer": "adapters.celery.consumer:QuickReconnectConsumer",
        "worker_enable_remote_control": False,
        "worker_send_task_events": False,
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_detect_quorum_queues": False,
        "worker_proc_alive_timeout": 30,
        "worker_lost_wait": 1,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_channel_error_retry": True,
        "broker_transport_options": {
            "ack_emulation": False,
            "socket_timeout": 10,
            "socket_connect_timeout": 2,
            "socket_keepalive": True,
            "health_check_interval": 10,
        },
    }

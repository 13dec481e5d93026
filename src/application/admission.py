"""Decide whether this installation accepts a task: its type, its payload and its callback."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from typing import Any

from application.errors import UnknownTaskType
from application.json_values import encode_compact_json, has_more_values
from application.ports.callers import Anyone, Callers
from application.ports.task_handlers import TaskHandlers
from application.ports.webhook_sender import WebhookSender
from application.secret_members import Redaction, Tree, fill_in, seal, unstored_masks
from application.secret_schema import SecretSchema
from application.task_filter import EVERY_TASK
from domain.errors import InvalidTaskSpec, Violation
from domain.retry_policy import NO_RETRY, RetryPolicy
from domain.task_spec import TaskPatch, TaskSpec

MAX_PAYLOAD_VALUES = 30_000
"""Limit on the list elements and object members of one payload.

Each step of its processing takes up to 50 ms for this number.
"""


class Admission:
    """Checks what a specification cannot check itself, and fills in the defaults of its type."""

    def __init__(
        self,
        handlers: TaskHandlers,
        sender: WebhookSender,
        *,
        max_payload_bytes: int,
        no_callbacks: str = "",
        callers: Callers | None = None,
        let_others_run: Callable[[], None] = lambda: None,
    ) -> None:
        """`no_callbacks` says why this installation sends no callbacks; empty if it does.

        `let_others_run` is called between the steps of a long check.
        """
        self._handlers = handlers
        self._max_payload_bytes = max_payload_bytes
        self._no_callbacks = no_callbacks
        self._callers = callers or Anyone()
        self._let_others_run = let_others_run
        self._sender = sender
        self._schemas: dict[str, SecretSchema] = {}

    def admit(self, spec: TaskSpec, before: TaskSpec | None = None) -> TaskSpec:
        """Return the specification with the caller's labels, the default timeout and the pool.

        `before` is the stored specification that this one replaces. A payload that stays the same
        is not measured: when it was stored, the limit may have been higher.

        Members that the type marks as secret are masked: see secret_members.

        Raises InvalidTaskSpec with all problems.
        """
        opened, kept = _opened(spec, before) if before and before.secrets else (spec, None)
        caller = self._callers.current()
        is_bound = caller.scope is not EVERY_TASK
        violations = list(caller.violations(spec)) if is_bound else []
        if spec.callback_url and (refusal := self._refusal(spec.callback_url)):
            violations.append(("callback_url", refusal))
        is_new = before is None or spec.payload != before.payload
        payload_refusal = self._payload_refusal(opened.payload) if is_new else None
        if payload_refusal:
            violations.append(("payload", payload_refusal))
        violations += self._handler_violations(opened, without_payload=bool(payload_refusal))
        secrets = self._secrets(opened) if opened.payload and not payload_refusal else None
        if secrets:
            violations += unstored_masks(secrets, kept)
        if violations:
            redaction = Redaction(secrets)
            raise InvalidTaskSpec([(at, redaction.text(text)) for at, text in violations])
        handler = self._handlers.of_type(spec.type)
        sealed = seal(opened, secrets, kept) if secrets or kept else opened
        bound = caller.bind(sealed) if is_bound else sealed
        admitted = bound.with_default_timeout(handler.default_timeout(opened))
        keeps_pool = before is not None and before.type == spec.type
        return admitted.in_pool(before.pool if before and keeps_pool else handler.type.pool)

    def _secrets(self, spec: TaskSpec) -> Tree | None:
        """Return the secret values of a payload; None if its type has none, or is unknown."""
        schema = self._schemas.get(spec.type)
        if schema is None:
            try:
                found = self._handlers.of_type(spec.type).type.payload_schema
            except UnknownTaskType:
                return None
            schema = self._schemas[spec.type] = SecretSchema(found, self._let_others_run)
        return schema.find(spec.payload)

    def default_retry(self, type: str) -> RetryPolicy:
        """Return the default retry policy of a type. An unknown type has NO_RETRY."""
        try:
            return self._handlers.of_type(type).type.default_retry
        except UnknownTaskType:
            return NO_RETRY

    def with_default_retry(self, type: str, patch: TaskPatch) -> TaskPatch:
        """Return the patch with the retry policy of the type where it removes the task's own."""
        if "retry" not in patch.members or patch.members["retry"] is not None:
            return patch
        return TaskPatch({**patch.members, "retry": asdict(self.default_retry(type))})

    def _handler_violations(self, spec: TaskSpec, *, without_payload: bool) -> Iterator[Violation]:
        """Yield what the handler refuses. A payload that was refused already is not checked."""
        try:
            self._handlers.validate(replace(spec, payload={}) if without_payload else spec)
        except InvalidTaskSpec as error:
            for pointer, message in error.violations:
                if not (without_payload and pointer.partition("/")[0] == "payload"):
                    yield pointer, message

    def _payload_refusal(self, payload: Mapping[str, Any]) -> str | None:
        """Return why a payload cannot be stored, whatever its type; None if it can."""
        if not payload:
            return None
        too_many = (
            f"Must have at most {MAX_PAYLOAD_VALUES:,} list elements and object members in all."
        )
        if len(payload) > MAX_PAYLOAD_VALUES:
            return too_many  # before encoding it, which takes long
        try:
            text = encode_compact_json(dict(payload))
        except ValueError:
            return "Must not contain lone surrogates or numbers that no double can hold."
        self._let_others_run()
        if has_more_values(text, MAX_PAYLOAD_VALUES, self._let_others_run):
            return too_many
        if len(text) > self._max_payload_bytes:
            return (
                f"Must have at most {self._max_payload_bytes:,} bytes as compact JSON, not "
                f"{len(text):,}."
            )
        return None

    def _refusal(self, callback_url: str) -> str | None:
        return self._no_callbacks or self._sender.refusal(callback_url)


def _opened(spec: TaskSpec, before: TaskSpec) -> tuple[TaskSpec, Tree | None]:
    """Return the specification with the stored secret values in their places, and these values.

    They do not follow a task to another type, which may not treat them as secret.
    """
    opened = fill_in(spec.payload, before if before.type == spec.type else None)
    return spec.with_payload(opened.payload, None), opened.kept

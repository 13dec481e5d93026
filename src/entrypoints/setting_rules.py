"""Check the values of settings. Each ValidationError says what is allowed."""

import base64
import binascii
import re
from collections.abc import Iterable
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, unquote_to_bytes, urlsplit

from environs import ValidationError, validate

from application.sentinel_url import TLS_FILES, InvalidSentinelUrl, SentinelUrl
from domain.rate_limit import InvalidRateLimit, RateLimit
from domain.task_spec import QUEUE
from entrypoints.settings import MAX_SOCKET_PATH_BYTES, without_secrets

SECRET_PREFIX, SECRET_BYTES = "whsec_", range(24, 65)
LINK_SECRET_LENGTH, MAX_LINK_SECRETS = range(32, 257), 2
HOST_LABEL = r"(?i:[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?)"
HOST_NAME = rf"{HOST_LABEL}(\.{HOST_LABEL})*\.?"

LISTENING_ADDRESS = validate.Length(
    min=1, error="must be an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them"
)
FOLDER = validate.Length(min=1, error="must name a folder")
ENVIRONMENT = validate.OneOf(
    ["development", "production"], error="must be development or production"
)
AUTH = validate.OneOf(
    ["keys", "none"],
    error="must be keys (callers show a key) or none (whoever reaches the port may do everything)",
)


def check_redis_url(url: str | None) -> None:
    if url is None:
        return
    if SentinelUrl.matches(url):
        _check_sentinels(url)
        return
    try:
        parts = urlsplit(url)
        valid = _names_socket(parts) if parts.scheme == "unix" else _names_host(parts)
    except ValueError:
        valid = False
    if not valid:
        raise ValidationError(
            "must be redis:// or rediss:// with [:password@]host[:port] and the number of a "
            "database, or unix:///path?db=number with the path of a socket of at most "
            f"{MAX_SOCKET_PATH_BYTES} bytes, or sentinel:// with "
            "[user:password@]host[:port],host[:port],… of the sentinels and /service"
        )
    if parts.scheme != "unix":
        _check_options(parts)


def _check_options(parts: SplitResult) -> None:
    """Refuse an option that one of the two Redis clients of a process would not understand."""
    allowed = TLS_FILES if parts.scheme == "rediss" else ()
    options = parse_qsl(parts.query, keep_blank_values=True)
    shown = without_secrets(parts.geturl())
    if unknown := [name for name, _ in options if name not in allowed]:
        raise ValidationError(
            f"{shown} has the unknown option {unknown[0]!r}. Remove it. "
            f"redis:// takes no options, rediss:// takes {', '.join(TLS_FILES)}, unix:// takes db"
        )
    _check_files(shown, options)


def _check_sentinels(url: str) -> None:
    try:
        found = SentinelUrl.parse(url)
    except InvalidSentinelUrl as error:
        raise ValidationError(str(error)) from None
    _check_files(without_secrets(url), found.tls_files.items())


def _check_files(shown: str, options: Iterable[tuple[str, str]]) -> None:
    for name, path in options:
        try:
            Path(path).read_bytes()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise ValidationError(
                f"{shown} has the option {name}, which must name a readable file: {reason}"
            ) from None


def _names_host(parts: SplitResult) -> bool:
    named = bool(parts.hostname) and parts.scheme in {"redis", "rediss"} and parts.port != 0
    return named and bool(re.fullmatch(r"(/[0-9]{0,5})?", parts.path))


def _names_socket(parts: SplitResult) -> bool:
    path = unquote_to_bytes(parts.path)
    return (
        not parts.hostname
        and parts.port is None
        and path.startswith(b"/")
        and not parts.fragment
        and 1 < len(path) <= MAX_SOCKET_PATH_BYTES
        and bool(re.fullmatch(r"(db=[0-9]{1,5})?", parts.query))
    )


def check_queues(names: list[str]) -> None:
    wrong = [name for name in names if not re.fullmatch(QUEUE, name)]
    if wrong or not names:
        raise ValidationError(
            "must be names of 1 to 63 of a-z, 0-9, hyphen and underscore, separated by commas"
        )


def check_handlers(names: list[str]) -> None:
    name_of_module_or_function = r"[^\W\d]\w*(\.[^\W\d]\w*)*(:[^\W\d]\w*)?"
    if any(not re.fullmatch(name_of_module_or_function, name) for name in names):
        raise ValidationError(
            "must be modules or module:functions, separated by commas, such as shop.tasks"
        )


def check_hosts(hosts: list[str]) -> None:
    if any(
        host != "*" and not re.fullmatch(HOST_NAME, host) and not _is_address(host)
        for host in hosts
    ):
        raise ValidationError(
            "must be host names or addresses without scheme and port, such as tasks.example.com, "
            "separated by commas; * allows every host"
        )


def _is_address(host: str) -> bool:
    try:
        ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        return False
    return True


def check_networks(networks: list[str]) -> None:
    for network in networks:
        try:
            ip_network(network)
        except ValueError as error:
            raise ValidationError(
                f"must be networks such as 10.1.0.0/16, separated by commas: {error}"
            ) from None


def check_rate_limit(text: str | None) -> None:
    if text is None:
        return
    try:
        RateLimit.parse(text)
    except InvalidRateLimit as error:
        raise ValidationError(f"m{str(error)[1:]}") from None


def check_link_secrets(secrets: list[str]) -> None:
    wrong = [each for each in secrets if len(each) not in LINK_SECRET_LENGTH or not each.isascii()]
    if wrong or len(secrets) > MAX_LINK_SECRETS:
        raise ValidationError(
            f"must be one secret of {LINK_SECRET_LENGTH[0]} to {LINK_SECRET_LENGTH[-1]} ASCII "
            "characters, or two, separated by a comma: the first signs, the second is being "
            "replaced. Make one: python -c 'import secrets; print(secrets.token_urlsafe(32))'"
        )


def check_secret(secret: str | None) -> None:
    """Check the form of a secret of Standard Webhooks."""
    if secret is None:
        return
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(SECRET_PREFIX) or len(key) not in SECRET_BYTES:
        raise ValidationError(
            "must be whsec_ and 24 to 64 bytes in base64. Make one: "
            "python -c 'import base64, secrets; "
            'print("whsec_" + base64.b64encode(secrets.token_bytes(32)).decode())\''
        )

"""URLs of a Redis whose master changes: the sentinels that know it, and the name of the service.

The settings check these URLs, and the adapters connect by them. The form is
sentinel://[user:password@]host[:port],host[:port],…/service[?option=value&…].
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

SCHEME = "sentinel://"
DEFAULT_PORT = 26_379
TLS_FILES = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Options that name a file: the authorities to trust, and the certificate and key to show."""
OPTIONS = ("db", "sentinel_user", "sentinel_password", "tls", *TLS_FILES)

WHOLE = re.compile(
    rf"{SCHEME}(?:(?P<login>[^/?#]*)@)?(?P<sentinels>[^/?#@]*)/?(?P<service>[^/?#]*)"
    r"(?:\?(?P<options>[^#]*))?"
)
SENTINEL = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:,\s]+)(?::(?P<port>[0-9]{1,5}))?")
SERVICE = re.compile(r"[A-Za-z0-9._-]+")
"""The names that sentinels accept."""


class InvalidSentinelUrl(ValueError):
    """The URL names no sentinels, no service, or has a wrong option.

    The message begins with the URL without its secrets, and says what is wrong and allowed.
    """


@dataclass(frozen=True, kw_only=True)
class SentinelUrl:
    """The parts of a sentinel:// URL."""

    sentinels: tuple[tuple[str, int], ...]
    """Host and port of each sentinel."""
    service: str
    """The name under which the sentinels watch the master."""
    database: int = 0
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    """The password of the Redis servers."""
    sentinel_user: str | None = None
    sentinel_password: str | None = field(default=None, repr=False)
    """The password of the sentinels themselves; None for those that ask for none."""
    tls: bool = False
    """True if the sentinels and the servers are reached by TLS, with checked certificates."""
    tls_files: Mapping[str, str] = field(default_factory=dict)
    """Paths by the options that name them; see TLS_FILES."""

    @staticmethod
    def matches(url: str) -> bool:
        """Return whether the URL is of this kind, right or wrong."""
        return url.startswith(SCHEME)

    @classmethod
    def parse(cls, url: str) -> "SentinelUrl":
        """Raises InvalidSentinelUrl."""
        whole = WHOLE.fullmatch(url)
        if whole is None:
            raise _invalid(url, "is not of this form")
        user, password = _login(url, whole["login"])
        options = _options(url, whole["options"] or "")
        if not SERVICE.fullmatch(whole["service"]):
            raise _invalid(
                url,
                "must name the service after the sentinels, as `sentinel monitor` has it, in "
                "letters, digits and ._-",
            )
        return cls(
            sentinels=tuple(_sentinel(url, text) for text in whole["sentinels"].split(",")),
            service=whole["service"],
            database=int(options.get("db", "0")),
            user=user,
            password=password,
            sentinel_user=options.get("sentinel_user"),
            sentinel_password=options.get("sentinel_password"),
            tls=options.get("tls") == "true",
            tls_files={name: options[name] for name in TLS_FILES if name in options},
        )


def masked(url: str) -> str:
    """Return the URL with *** for its user, its password and the values of its options."""
    rest, question_mark, query = url.removeprefix(SCHEME).partition("?")
    login, at, address = rest.rpartition("@")
    names = [name for name, _ in parse_qsl(query, keep_blank_values=True)]
    shown = "&".join(f"{name}=***" for name in names)
    return f"{SCHEME}{'***' if login else ''}{at}{address}{question_mark}{shown}"


def _invalid(url: str, reason: str) -> InvalidSentinelUrl:
    return InvalidSentinelUrl(
        f"{masked(url)} {reason}. The form is {SCHEME}[user:password@]host[:port],host[:port],…"
        f"/service[?option=value&…] with the options {', '.join(OPTIONS)}"
    )


def _login(url: str, login: str | None) -> tuple[str | None, str | None]:
    if login is None:
        return None, None
    user, colon, password = login.partition(":")
    if not colon or not password:
        raise _invalid(url, "must have a password before @, as :password or user:password")
    return unquote(user) or None, unquote(password)


def _sentinel(url: str, text: str) -> tuple[str, int]:
    found = SENTINEL.fullmatch(text)
    port = int(found["port"] or DEFAULT_PORT) if found else 0
    if found is None or not 1 <= port <= 65_535:
        raise _invalid(
            url, f"has {text!r} where host or host:port of a sentinel must be, separated by commas"
        )
    return found["host"].strip("[]"), port


def _options(url: str, query: str) -> dict[str, str]:
    options: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        if name not in OPTIONS:
            raise _invalid(url, f"has the unknown option {name!r}")
        if name in options:
            raise _invalid(url, f"has the option {name} twice")
        options[name] = value
    if not re.fullmatch("[0-9]{1,5}", options.get("db", "0")):
        raise _invalid(url, "has an option db that is no number of a database")
    if options.get("tls", "false") not in {"true", "false"}:
        raise _invalid(url, "has an option tls that is neither true nor false")
    if "sentinel_user" in options and "sentinel_password" not in options:
        raise _invalid(url, "has a sentinel_user and no sentinel_password")
    if files := [name for name in TLS_FILES if name in options and options.get("tls") != "true"]:
        raise _invalid(url, f"has the option {files[0]}, which needs tls=true")
    return options

"""The rules of a URL that this service may call."""

from urllib.parse import urlsplit

LENGTH = 2_048


def require_web_url(url: str) -> str:
    """Return the URL. Raises ValueError unless it is an http: or https: URL with a host and no
    password.

    The address of the host is checked at each call, since a name may resolve differently by then.
    """
    if (
        len(url) > LENGTH
        or not url.isascii()
        or any(character <= " " or character == "\x7f" for character in url)
    ):
        raise ValueError(f"Must be a URL of at most {LENGTH} ASCII characters without blanks")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("Must be a URL; its host or port cannot be read") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("Must begin with https:// or http:// and a host")
    if "@" in parts.netloc or "\\" in url:
        raise ValueError("Must not contain a user name, a password or a backslash")
    if port == 0:
        raise ValueError("Must not name port 0")
    return url


def host_of(url: str) -> str:
    """Return the host of a URL, without its port; "" for text that has none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""

"""Finds the service that the commands use: a flag, then the environment, then a profile."""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click

DEFAULT_URL = "http://127.0.0.1:5000"
DEFAULT_PROFILE = "default"
KNOWN = {"url", "token", "token_file"}
EXAMPLE = """[default]
url = "http://127.0.0.1:5000"

[production]
url = "https://tasks.example.com"
token_file = "/run/secrets/tasks-token"
"""


@dataclass(frozen=True)
class Setting:
    """A value, and where it comes from."""

    value: str | None
    source: str


@dataclass(frozen=True)
class Configuration:
    """The service to talk to."""

    url: Setting
    token: Setting
    file: Path


def config_file() -> Path:
    """Return the path of the file with the profiles, which need not exist."""
    from platformdirs import user_config_path

    return user_config_path("task-manager", appauthor=False) / "config.toml"


def configure(
    url: str | None, token: str | None, profile_name: str | None, environ: Mapping[str, str]
) -> Configuration:
    """Return the configuration. Raises click.UsageError if a file or a profile is wrong."""
    file = config_file()
    profile = read_profile(file, profile_name)
    name = f"profile {profile_name or DEFAULT_PROFILE}"
    return Configuration(
        first(
            Setting(url, "--url"),
            Setting(environ.get("TASKS_URL"), "TASKS_URL"),
            Setting(profile.get("url"), name),
            Setting(DEFAULT_URL, "default"),
        ),
        first(
            Setting(token, "--token"),
            Setting(environ.get("TASKS_TOKEN"), "TASKS_TOKEN"),
            from_file(environ.get("TASKS_TOKEN_FILE"), "TASKS_TOKEN_FILE"),
            Setting(profile.get("token"), name),
            from_file(profile.get("token_file"), f"token_file of {name}"),
            Setting(None, "not set"),
        ),
        file,
    )


def first(*settings: Setting) -> Setting:
    """Return the first setting that has a value, or the last."""
    return next((each for each in settings if each.value), settings[-1])


def from_file(path: str | None, source: str) -> Setting:
    """Return the content of the file, without white space at its ends."""
    if not path:
        return Setting(None, source)
    try:
        return Setting(Path(path).read_text().strip(), source)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.UsageError(f"{source}: cannot read {path}: {reason}") from error


def read_profile(file: Path, name: str | None) -> dict[str, str]:
    """Return the profile. Empty if none is named and the file has no default."""
    try:
        profiles = tomllib.loads(file.read_text())
    except FileNotFoundError:
        profiles = {}
    except (OSError, ValueError) as error:
        raise click.UsageError(f"cannot read {file}: {error}") from error
    profile = profiles.get(name or DEFAULT_PROFILE)
    if profile is None:
        if name:
            known = ", ".join(profiles) or "none"
            raise click.UsageError(f"{file} has no profile {name!r}; it has: {known}")
        return {}
    if not isinstance(profile, dict) or not all(isinstance(each, str) for each in profile.values()):
        raise click.UsageError(
            f"{file}: the profile {name or DEFAULT_PROFILE} is not a table of texts"
        )
    if unknown := profile.keys() - KNOWN:
        raise click.UsageError(
            f"{file}: unknown {', '.join(sorted(unknown))}; known are url, token, token_file"
        )
    return profile


def environment() -> Mapping[str, str]:
    """Return the environment of this process."""
    return os.environ

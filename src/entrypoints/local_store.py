"""Find the embedded server of this host."""

from dataclasses import replace

from entrypoints.settings import REDIS_URL_FILE, Settings


def with_local_store(settings: Settings) -> Settings:
    """Return the settings with the URL of the embedded server if they name no Redis.

    `task-manager local` writes the URL into the data directory. Without that file, the settings
    are returned as they are. Raises OSError if the file cannot be read.
    """
    path = settings.data_dir / REDIS_URL_FILE
    if settings.redis_url is not None or not path.is_file():
        return settings
    return replace(settings, redis_url=path.read_text().strip())

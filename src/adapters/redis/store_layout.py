"""The layout of the store: two counters that only rise."""

from adapters.redis import keys
from adapters.redis.effects import Effects
from adapters.redis.exchange import packed
from adapters.redis.replies import count_or_zero
from adapters.redis.save_script import SaveScript
from adapters.redis.store import RedisStore
from application.ports.store_layout import StoreLayout
from application.store_layout import Layout


class RedisStoreLayout(StoreLayout):
    """A damaged counter counts as none, but the other one counts for it."""

    def __init__(self, store: RedisStore) -> None:
        self._store = store
        self._save = SaveScript(store)

    def stored(self) -> Layout | None:
        commands = [packed("GET", keys.LAYOUT), packed("GET", keys.LAYOUT_READERS)]
        number, readers = map(count_or_zero, self._store.pipeline(commands))
        if not number and not readers:
            return None
        return Layout(number=number or readers, readers=readers or number)

    def raise_to(self, layout: Layout) -> None:
        """Also while Redis is full: the process would not start."""
        effects = Effects()
        effects.raise_counter(keys.LAYOUT, layout.number)
        effects.raise_counter(keys.LAYOUT_READERS, layout.readers)
        self._save.run(effects)

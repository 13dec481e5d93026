from application.bounded_cache import BoundedCache


def kept(cache: BoundedCache[str, str], keys: str) -> str:
    assert all((cache.get(key) is not None) == (key in cache) for key in keys)
    return "".join(key for key in keys if key in cache)


def test_the_values_kept_first_go_first() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10)
    for key in "abc":
        cache.put(key, key.upper(), 4)
    assert kept(cache, "abc") == "bc"
    assert cache.get("b") == "B"

    cache.put("d", "D", 10)

    assert kept(cache, "abcd") == "d"


def test_a_value_replaces_the_one_before_and_its_size() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10)
    cache.put("a", "old", 6)
    cache.put("b", "B", 4)

    cache.put("a", "new", 6)

    assert (cache.get("a"), cache.get("b")) == ("new", "B")


def test_a_value_that_is_too_large_is_not_kept_and_displaces_only_the_one_before() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10, max_value_bytes=3)
    cache.put("a", "A", 3)
    cache.put("b", "B", 3)

    cache.put("a", "large", 4)

    assert kept(cache, "ab") == "b"


def test_the_number_of_values_can_be_limited() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10, max_values=2)
    for key in "abc":
        cache.put(key, key, 0)

    assert kept(cache, "abc") == "bc"


def test_without_bytes_nothing_is_kept_and_discarding_nothing_is_no_error() -> None:
    cache: BoundedCache[str, str] = BoundedCache(0)
    cache.put("a", "A", 1)
    cache.discard("b")

    assert kept(cache, "ab") == ""


def test_discarded_values_make_room() -> None:
    cache: BoundedCache[str, str] = BoundedCache(10)
    for key in "ab":
        cache.put(key, key, 5)
    cache.discard("a")

    cache.put("c", "C", 5)

    assert kept(cache, "abc") == "bc"

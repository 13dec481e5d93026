import pytest

from application.sentinel_url import InvalidSentinelUrl, SentinelUrl, masked


def test_everything_that_a_url_can_say() -> None:
    url = SentinelUrl.parse(
        "sentinel://tasks:p%40ss@a.example:26380,10.0.0.2,[::1]:26381,[fe80::1]/my-master_1.x"
        "?db=3&sentinel_user=watch&sentinel_password=s%26s&tls=true&ssl_ca_certs=/ca.pem"
    )

    assert url == SentinelUrl(
        sentinels=(("a.example", 26380), ("10.0.0.2", 26379), ("::1", 26381), ("fe80::1", 26379)),
        service="my-master_1.x",
        database=3,
        user="tasks",
        password="p@ss",
        sentinel_user="watch",
        sentinel_password="s&s",
        tls=True,
        tls_files={"ssl_ca_certs": "/ca.pem"},
    )


def test_what_a_url_may_leave_out() -> None:
    assert SentinelUrl.parse("sentinel://a/m") == SentinelUrl(
        sentinels=(("a", 26379),), service="m"
    )
    assert SentinelUrl.parse("sentinel://:pw@a/m?tls=false").user is None


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sentinel://u:secretpw@/m", "has '' where host or host:port of a sentinel must be"),
        ("sentinel://u:secretpw@a:1,/m", "has '' where host or host:port"),
        ("sentinel://u:secretpw@a:0/m", "has 'a:0' where host or host:port"),
        ("sentinel://u:secretpw@a:70000/m", "has 'a:70000' where host or host:port"),
        ("sentinel://u:secretpw@a:b/m", "has 'a:b' where host or host:port"),
        ("sentinel://u:secretpw@a;b/m;", "must name the service after the sentinels"),
        ("sentinel://u:secretpw@a b/m", "has 'a b' where host or host:port"),
        ("sentinel://u:secretpw@a:1,b:2", "must name the service after the sentinels"),
        ("sentinel://u:secretpw@a:1/", "must name the service after the sentinels"),
        ("sentinel://u:secretpw@a:1/m/0", "is not of this form"),
        ("sentinel://u:secretpw@a:1/m#0", "is not of this form"),
        ("sentinel://secretpw@a:1/m", "must have a password before @"),
        ("sentinel://:@a:1/m", "must have a password before @"),
        ("sentinel://a/m?db=secretpw", "has an option db that is no number of a database"),
        ("sentinel://a/m?db=", "has an option db that is no number of a database"),
        ("sentinel://a/m?db=1&db=secretpw", "has the option db twice"),
        ("sentinel://a/m?password=secretpw", "has the unknown option 'password'"),
        ("sentinel://a/m?tls=secretpw", "has an option tls that is neither true nor false"),
        ("sentinel://a/m?sentinel_user=secretpw", "has a sentinel_user and no sentinel_password"),
        ("sentinel://a/m?ssl_ca_certs=secretpw", "has the option ssl_ca_certs, which needs tls"),
    ],
)
def test_a_wrong_url_is_refused_with_the_reason_and_the_form_and_no_secret(
    url: str, reason: str
) -> None:
    with pytest.raises(InvalidSentinelUrl) as refusal:
        SentinelUrl.parse(url)

    message = str(refusal.value)
    assert message.startswith(f"{masked(url)} {reason}")
    assert "sentinel://[user:password@]host[:port],host[:port],…/service" in message
    assert "sentinel_password" in message
    assert "secretpw" not in message


def test_secrets_are_not_in_the_representation() -> None:
    url = SentinelUrl.parse("sentinel://:secretpw@a/m?sentinel_password=secretpw")

    assert "secretpw" not in repr(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sentinel://a:1,b:2/m", "sentinel://a:1,b:2/m"),
        ("sentinel://u:pw@a:1,[::1]:2/m", "sentinel://***@a:1,[::1]:2/m"),
        ("sentinel://a/m?db=1&sentinel_password=pw", "sentinel://a/m?db=***&sentinel_password=***"),
        ("sentinel://u:p@w@a/m", "sentinel://***@a/m"),
    ],
)
def test_a_masked_url_shows_where_it_leads(url: str, shown: str) -> None:
    assert masked(url) == shown

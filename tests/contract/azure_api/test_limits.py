"""The simulated Resource Manager's limits: buckets that refuse where the controls ask for it."""

import httpx

from tests.contract.azure_api.conftest import Azure


def read(azure: Azure, subscription: str | None = None) -> httpx.Response:
    return azure.http.get(subscription or azure.subscription, params={"api-version": "2022-12-01"})


def test_an_empty_bucket_refuses_and_says_when_to_come_back(azure: Azure) -> None:
    azure.control(f"buckets/{azure.ready['subscriptionId']}", {"reads": {"size": 3, "perSecond": 0.001}})
    remaining = [read(azure).headers["x-ms-ratelimit-remaining-subscription-reads"] for _ in range(3)]
    assert remaining == ["2", "1", "0"]
    refused = read(azure)
    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "SubscriptionRequestsThrottled"
    assert 900 < int(refused.headers["Retry-After"]) <= 1000
    assert refused.headers["x-ms-ratelimit-remaining-subscription-reads"] == "0"
    # Other kinds, other subscriptions and what belongs to none are not refused.
    group = f"{azure.subscription}/resourceGroups/g"
    written = azure.http.put(group, params={"api-version": "2022-09-01"}, json={"location": "eastus"})
    assert written.status_code == 201
    other = "22222222-2222-3333-4444-555555555555"
    azure.control(f"subscriptions/{other}", {})
    assert read(azure, f"/subscriptions/{other}").status_code == 200
    assert azure.anonymous.get("/metadata/endpoints", params={"api-version": "2022-09-01"}).status_code == 200


def test_a_client_that_asks_too_early_is_refused_again(azure: Azure) -> None:
    azure.control(f"buckets/{azure.ready['subscriptionId']}", {"reads": {"size": 1, "perSecond": 1000}})
    answers = [read(azure) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200] * 3
    azure.control(f"buckets/{azure.ready['subscriptionId']}", {"reads": {"size": 1, "perSecond": 0.5}})
    assert [read(azure).status_code for _ in range(4)] == [200, 429, 429, 429]


def test_buckets_go_back_to_reporting(azure: Azure) -> None:
    azure.control(f"buckets/{azure.ready['subscriptionId']}", {"reads": {"size": 1, "perSecond": 0.001}})
    assert [read(azure).status_code for _ in range(2)] == [200, 429]
    azure.control(f"buckets/{azure.ready['subscriptionId']}", {})
    assert {read(azure).status_code for _ in range(300)} == {200}


def test_what_is_not_a_bucket_is_refused(azure: Azure) -> None:
    for body in (
        {"posts": {"size": 1, "perSecond": 1}},
        {"reads": {"size": 1}},
        {"reads": {"size": 1, "perSecond": 0}},
    ):
        url = f"/control/buckets/{azure.ready['subscriptionId']}"
        assert azure.anonymous.put(url, json=body).status_code == 400

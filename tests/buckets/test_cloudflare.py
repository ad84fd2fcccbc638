"""Lock rules of R2 through Cloudflare's API, against a stand-in built from its documentation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from asking import HOLD, ask, share, terms
from cloudflare import ACCOUNT, TOKEN, Cloudflare

from archiver.buckets.apply import Hands, perform, plan
from archiver.buckets.cloudflare import CloudflareLocks
from archiver.buckets.rules import lock_json, lock_rule
from archiver.buckets.values import Place
from archiver.errors import BucketUnfit, StoreError
from archiver.model.answers import Answer
from archiver.stores.s3_bucket import S3Bucket
from archiver.stores.settings import S3Settings

if TYPE_CHECKING:
    from pathlib import Path

    from servers import S3Server

    from archiver.buckets.apply import Plan
    from archiver.buckets.wanted import Wanted

PLACE = Place("r2", "conversations", account=ACCOUNT)
THEIRS = {
    "id": "theirs",
    "enabled": True,
    "prefix": "logs/",
    "condition": {"type": "Date", "date": "2027-01-01T00:00:00Z"},
}


def locks(cloudflare: Cloudflare, token: str = TOKEN, place: Place = PLACE) -> CloudflareLocks:
    """Reach the stand-in, without patience."""
    return CloudflareLocks(place, token, api=cloudflare.url, waits=(0, 0))


async def applied(wanted: Wanted, hands: Hands) -> Plan:
    """Do everything that there is to do; give what is left."""
    for step in (await plan(wanted, hands)).steps:
        await perform(step, hands)
    return await plan(wanted, hands)


def on_r2(server: S3Server, folder: Path) -> S3Settings:
    """Give the settings of R2, for a server that stands for it."""
    keys = server.credentials_file(folder)
    bucket = server.new_bucket()
    return S3Settings.r2(
        bucket, account_id=ACCOUNT, endpoint=server.endpoint, credentials_file=keys
    )


async def test_lock_rules_and_lifecycle_are_set_once_and_those_of_others_stay(
    cloudflare: Cloudflare, moto_server: S3Server, tmp_path: Path
) -> None:
    """A hold comes as a rule without an end, and goes with its release."""
    settings = on_r2(moto_server, tmp_path)
    cloudflare.rules[settings.bucket, "default"] = [THEIRS]
    place = Place("r2", settings.bucket, settings.endpoint or "", ACCOUNT)
    ruled = share(terms(days=2, lock="rule"))
    async with S3Bucket(settings) as store, locks(cloudflare, place=place) as opened:
        for holds in ((), (HOLD,), ()):
            wanted = ask(ruled, place=place, holds={"acme": holds})
            done = await applied(wanted, Hands(store, opened))
            assert (done.steps, done.differences) == ((), ())
            rules = cloudflare.rules[settings.bucket, "default"]
            assert rules[0] == THEIRS
            names = {rule["id"]: rule["condition"] for rule in rules[1:]}
            age = {"archiver/acme/standard": {"type": "Age", "maxAgeSeconds": 172_800}}
            hold = {"archiver/hold/acme/case-1": {"type": "Indefinite"}} if holds else {}
            assert names == age | hold


async def test_a_bucket_of_a_jurisdiction_is_found_under_that_one_only(
    cloudflare: Cloudflare,
) -> None:
    """The header says which."""
    cloudflare.bucket("conversations", "eu")
    europe = Place("r2", "conversations", account=ACCOUNT, jurisdiction="eu")
    async with locks(cloudflare, place=europe) as opened:
        assert await opened.rules() == []
    async with locks(cloudflare) as opened:
        with pytest.raises(StoreError, match="10006") as refused:
            await opened.rules()
    assert "jurisdiction" in refused.value.advice


async def test_a_wrong_token_is_a_clear_error_that_does_not_show_it(cloudflare: Cloudflare) -> None:
    """Asked for once."""
    cloudflare.bucket("conversations")
    async with locks(cloudflare, token="wrong-token-value") as opened:
        with pytest.raises(StoreError) as refused:
            await opened.rules()
    assert refused.value.refusal.answer is Answer.CREDENTIALS
    assert "Workers R2 Storage Write" in refused.value.advice
    assert "wrong-token-value" not in str(refused.value) + refused.value.advice
    assert len(cloudflare.requests) == 1


async def test_throttling_is_waited_out_and_then_told(cloudflare: Cloudflare) -> None:
    """Three requests in all."""
    cloudflare.bucket("conversations")
    cloudflare.refusals = [429, 503]
    async with locks(cloudflare) as opened:
        assert await opened.rules() == []
        cloudflare.refusals = [429] * 3
        with pytest.raises(StoreError) as refused:
            await opened.rules()
    assert refused.value.refusal.answer is Answer.BUSY


@pytest.mark.parametrize("result", [None, [], "rules", {"rules": {}}, {"rules": ["a"]}])
async def test_an_answer_that_is_not_understood_is_never_taken_for_no_rules(
    cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch, result: object
) -> None:
    """A put replaces all of them: those of others would be gone."""
    cloudflare.bucket("conversations")
    said = {"success": True, "errors": [], "messages": [], "result": result}
    monkeypatch.setattr(cloudflare, "answer", lambda *_: (200, said))
    async with locks(cloudflare) as opened:
        with pytest.raises(StoreError, match="lock rules") as refused:
            await opened.rules()
    assert refused.value.advice


@pytest.mark.parametrize("errors", [{"code": 1}, ["x"], [{"code": "canary"}], [None], 7])
async def test_an_error_in_another_shape_is_told_by_its_status(
    cloudflare: Cloudflare, monkeypatch: pytest.MonkeyPatch, errors: object
) -> None:
    """No traceback, and nothing of what a server says."""
    cloudflare.bucket("conversations")
    monkeypatch.setattr(cloudflare, "answer", lambda *_: (400, {"errors": errors}))
    async with locks(cloudflare) as opened:
        with pytest.raises(StoreError, match="400") as refused:
            await opened.rules()
    assert "canary" not in str(refused.value)


@pytest.mark.parametrize(
    "condition",
    [None, "x", {}, {"type": "New"}, {"type": "Age"}, {"type": "Age", "maxAgeSeconds": "1d"}],
)
def test_a_condition_that_is_not_known_locks_nothing(condition: object) -> None:
    """It stays as it is, and stands for no lock that the policy asks for."""
    found = lock_rule({"id": "a", "enabled": True, "prefix": "", "condition": condition})
    assert not found.indefinite
    assert found.other
    assert lock_json(found)["condition"] == condition


async def test_the_token_never_travels_in_clear() -> None:
    """Loopback alone needs no TLS."""
    with pytest.raises(BucketUnfit, match="in clear"):
        CloudflareLocks(PLACE, TOKEN, api="http://example.com/client/v4")


async def test_nobody_there_is_out_of_reach() -> None:
    """No traceback, no token."""
    place = CloudflareLocks(PLACE, TOKEN, api="http://127.0.0.1:9/client/v4", waits=())
    async with place as opened:
        with pytest.raises(StoreError, match="ConnectError") as refused:
            await opened.rules()
    assert refused.value.refusal.answer is Answer.UNREACHABLE


async def test_more_rules_than_the_cap_with_those_of_others_are_refused_before_the_put(
    cloudflare: Cloudflare, moto_server: S3Server, tmp_path: Path
) -> None:
    """Nothing is changed."""
    settings = on_r2(moto_server, tmp_path)
    many = [{**THEIRS, "id": f"theirs-{number}"} for number in range(1000)]
    cloudflare.rules[settings.bucket, "default"] = many
    place = Place("r2", settings.bucket, settings.endpoint or "", ACCOUNT)
    wanted = ask(share(terms(days=2, lock="rule")), place=place)
    async with S3Bucket(settings) as store, locks(cloudflare, place=place) as opened:
        with pytest.raises(BucketUnfit, match="1001 lock rules"):
            await plan(wanted, Hands(store, opened))
    assert cloudflare.rules[settings.bucket, "default"] == many

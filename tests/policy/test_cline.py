"""Cline's remote configuration: both schemas, what is wrong by its path, and no key told."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from policies import as_policy

from archiver.errors import ArchiverError, PolicyInvalid, PolicyUnreadable
from archiver.policy.cline import QUEUE, Uploading, parse
from archiver.policy.cline_fates import drafted, fates
from archiver.policy.draft import document

KEY_ID = "AKIACANARYCANARY"
SECRET = "canary/secret+key"
ACCOUNT = "0123456789abcdef0123456789abcdef"
AT = "enterpriseTelemetry.promptUploading"
TODAY = date(2026, 1, 31)
SAMPLES = Path(__file__).parents[3] / "shared" / "samples" / "cline"


def settings_of(**more: Any) -> dict[str, Any]:
    """Give access settings, without those that are given as ``None``."""
    must = {"bucket": "acme-prompts", "accessKeyId": KEY_ID, "secretAccessKey": SECRET}
    return {key: value for key, value in {**must, **more}.items() if value is not None}


def configuration(kind: str = "s3", /, **more: Any) -> dict[str, Any]:
    """Give a synthetic configuration, as VS Code and the SDK know it."""
    return {
        "version": "v1",
        "providerSettings": {},
        "telemetryEnabled": True,
        "enterpriseTelemetry": {
            "promptUploading": {
                "enabled": True,
                "type": f"{kind}_access_keys",
                f"{kind}AccessSettings": settings_of(**more),
            }
        },
    }


def read(value: Any) -> Uploading:
    """Parse a configuration."""
    return parse(json.dumps(value))


def problems(value: Any) -> tuple[str, ...]:
    """Give what is wrong with a configuration."""
    with pytest.raises(PolicyInvalid) as caught:
        read(value)
    assert caught.value.problems[0] in str(caught.value)
    return caught.value.problems


def policy_of(value: Any) -> Any:
    """Give the one tenant of the policy that a configuration becomes."""
    draft = drafted(read(value), "acme", "/etc/archiver/acme.key", TODAY)
    return as_policy(tomllib.loads(document(draft)))


class TestStore:
    """Where it went, and goes."""

    def test_the_schema_of_the_sdk_has_no_queue(self) -> None:
        """So nothing of a queue is made up."""
        found = read(configuration(region="eu-central-1"))
        assert found.store == {"kind": "s3", "bucket": "acme-prompts", "region": "eu-central-1"}
        assert (found.key_id, found.secret) == (KEY_ID, SECRET)
        assert (found.queue, found.unused, found.unknown) == ({}, (), ())

    def test_the_schema_of_vs_code_has_one(self) -> None:
        """All six settings."""
        queue = dict.fromkeys(QUEUE, 7) | {"backfillEnabled": True}
        assert read(configuration(**queue)).queue == queue

    def test_without_a_region_it_is_the_one_that_cline_takes(self) -> None:
        """us-east-1."""
        assert read(configuration()).store["region"] == "us-east-1"

    def test_another_service_is_asked_by_path(self) -> None:
        """As Cline does; an address of Amazon follows from the region."""
        other = read(configuration(endpoint="https://s3.example.com")).store
        assert (other["endpoint"], other["path_style"]) == ("https://s3.example.com", True)
        amazon = read(configuration(endpoint="https://s3.eu-central-1.amazonaws.com"))
        assert "endpoint" not in amazon.store
        assert amazon.unused == ("endpoint",)

    @pytest.mark.parametrize(
        "said",
        [
            {"accountId": ACCOUNT},
            {"endpoint": f"https://{ACCOUNT}.r2.cloudflarestorage.com"},
            {"endpoint": f"https://{ACCOUNT}.r2.cloudflarestorage.com/", "accountId": ACCOUNT},
            {"accountId": ACCOUNT, "region": "auto"},
        ],
    )
    def test_an_account_of_r2_is_found_by_its_id_or_in_the_address(
        self, said: dict[str, str]
    ) -> None:
        """Either of the two is enough for Cline."""
        store = {"kind": "r2", "bucket": "acme-prompts", "account_id": ACCOUNT}
        assert read(configuration("r2", **said)).store == store

    def test_a_jurisdiction_is_read_from_the_address(self) -> None:
        """It is a part of the host."""
        host = f"https://{ACCOUNT}.eu.r2.cloudflarestorage.com"
        assert read(configuration("r2", endpoint=host)).store["jurisdiction"] == "eu"

    def test_r2_that_is_called_s3_is_r2(self) -> None:
        """The reader of policies refuses that mix-up; here it is set right."""
        host = f"https://{ACCOUNT}.r2.cloudflarestorage.com"
        assert read(configuration("s3", endpoint=host, region="auto")).store["kind"] == "r2"

    def test_a_type_that_was_left_out_is_that_of_the_settings(self) -> None:
        """Both schemas allow it."""
        value = configuration("r2", accountId=ACCOUNT)
        del value["enterpriseTelemetry"]["promptUploading"]["type"]
        assert read(value).store["kind"] == "r2"

    def test_the_sdks_bundle_is_taken_as_well(self) -> None:
        """It holds the configuration."""
        bundle = {"source": "x", "version": "1", "remoteConfig": configuration()}
        assert read(bundle) == read(configuration())

    def test_a_mark_of_unknown_settings_is_their_name(self) -> None:
        """They are no error; a name that is none is not repeated."""
        value = configuration(shiny=1, **{SECRET: 2})
        value["enterpriseTelemetry"]["promptUploading"]["glitter"] = True
        assert read(value).unknown == ("glitter", "shiny")

    @pytest.mark.skipif(not SAMPLES.exists(), reason="the samples are not part of the project")
    def test_a_recorded_configuration_is_understood(self) -> None:
        """One that Cline's own tests use."""
        (path,) = SAMPLES.glob("remote_config_*.json")
        assert parse(path.read_text()).store["region"] == "us-west-2"


class TestWrong:
    """What is wrong is told by its path, and all of it."""

    @pytest.mark.parametrize(
        "value", [None, 1, [], {}, {"enterpriseTelemetry": {}}, {"enterpriseTelemetry": 7}]
    )
    def test_a_document_without_uploads_says_what_is_missing(self, value: Any) -> None:
        """Whatever it is instead."""
        assert problems(value) == (f"{AT}: is missing, or no table of keys",)

    @pytest.mark.parametrize("text", ["", "{", "[" * 100_000, '{"a": 1e999}x', "1" * 5000])
    def test_what_is_not_json_says_where(self, text: str) -> None:
        """Without a line of it."""
        with pytest.raises(ArchiverError) as caught:
            parse(text)
        assert isinstance(caught.value, PolicyUnreadable | PolicyInvalid)

    def test_all_problems_of_the_settings_are_told_at_once(self) -> None:
        """Missing, empty, of another kind."""
        value = configuration(
            bucket=None, accessKeyId="", secretAccessKey=7, maxRetries="5", backfillEnabled=1
        )
        value["enterpriseTelemetry"]["promptUploading"]["enabled"] = "yes"
        at = f"{AT}.s3AccessSettings"
        assert problems(value) == (
            f"{at}.bucket: is missing",
            f"{at}.accessKeyId: must be text that is not empty",
            f"{at}.secretAccessKey: must be text that is not empty",
            f"{at}.maxRetries: must be a number, not below 0",
            f"{at}.backfillEnabled: must be true or false",
            f"{AT}.enabled: must be true or false",
        )

    @pytest.mark.parametrize("interval", [-1, True, float("inf"), "x", []])
    def test_a_count_is_a_number(self, interval: Any) -> None:
        """Not below zero, and one that can be counted to."""
        (told,) = problems(configuration(intervalMs=interval))
        assert told == f"{AT}.s3AccessSettings.intervalMs: must be a number, not below 0"

    def test_a_bucket_that_is_none_is_told_in_the_words_of_the_policy(self) -> None:
        """By Cline's name of the key."""
        (bucket,) = problems(configuration(bucket="s3://acme/prompts"))
        assert bucket.startswith(f"{AT}.s3AccessSettings.bucket: write the bare name")
        (account,) = problems(configuration("r2"))
        assert account.startswith(f"{AT}.r2AccessSettings.accountId: must be the 32 digits")
        (endpoint,) = problems(configuration(endpoint="s3.example.com"))
        assert endpoint.startswith(f"{AT}.s3AccessSettings.endpoint: must be an address")

    def test_azure_is_refused_with_what_there_is(self) -> None:
        """It is in the code of Cline, not in its documentation."""
        (told,) = problems(configuration("azure"))
        assert told.startswith(f"{AT}.type: archiver has no store on Azure")

    def test_settings_of_the_other_kind_are_named(self) -> None:
        """The type says which are needed."""
        value = configuration("s3")
        value["enterpriseTelemetry"]["promptUploading"]["type"] = "r2_access_keys"
        assert problems(value) == (
            f"{AT}.r2AccessSettings: is missing, or no table of keys; there are s3AccessSettings",
        )

    @pytest.mark.parametrize("said", ["s4_access_keys", 7, ["s3_access_keys"], {}])
    def test_an_unknown_type_lists_the_types(self, said: Any) -> None:
        """It is not repeated."""
        value = configuration()
        value["enterpriseTelemetry"]["promptUploading"]["type"] = said
        assert problems(value) == (f"{AT}.type: allowed: s3_access_keys, r2_access_keys",)

    def test_two_settings_without_a_type_are_not_guessed_among(self) -> None:
        """One of them would get what was meant for the other."""
        value = configuration()
        uploading = value["enterpriseTelemetry"]["promptUploading"]
        del uploading["type"]
        uploading["r2AccessSettings"] = settings_of(accountId=ACCOUNT)
        (told,) = problems(value)
        assert told.startswith(f"{AT}.type: says of several which counts")

    @given(
        value=st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.just(SECRET),
            lambda below: (
                st.lists(below, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "enabled",
                            "type",
                            "s3AccessSettings",
                            "r2AccessSettings",
                            "bucket",
                            "accessKeyId",
                            "secretAccessKey",
                            "endpoint",
                            "accountId",
                            "intervalMs",
                        ]
                    ),
                    below | st.sampled_from(["s3_access_keys", "https://[", "acme-prompts"]),
                )
            ),
            max_leaves=12,
        )
    )
    def test_nothing_in_its_place_is_a_defect_or_a_leak(self, value: Any) -> None:
        """Whatever stands there: understood, or refused without a word of it."""
        try:
            told = repr(read({"enterpriseTelemetry": {"promptUploading": value}}))
        except ArchiverError as error:
            told = f"{error} {error.advice} {getattr(error, 'problems', '')}"
        assert SECRET not in told


class TestPolicy:
    """What it becomes."""

    def test_it_takes_what_cline_took(self) -> None:
        """Every conversation with Cline, of both generations, and nothing older."""
        (tenant,) = policy_of(configuration(intervalMs=15_000)).tenants
        assert tenant.assistants == ("cline", "cline-4")
        assert tenant.conversations.default
        assert tenant.since == TODAY
        assert policy_of(configuration(intervalMs=15_000)).schedule.ship_seconds == 15

    @pytest.mark.parametrize(("interval", "ship"), [(0, 1), (999, 1), (10**12, 86_400)])
    def test_an_interval_beyond_the_bounds_is_the_nearest_within(
        self, interval: int, ship: int
    ) -> None:
        """So the policy is valid."""
        assert policy_of(configuration(intervalMs=interval)).schedule.ship_seconds == ship

    def test_a_backfill_is_no_bound_on_age(self) -> None:
        """And without one only what changes from now on is taken."""
        assert policy_of(configuration(backfillEnabled=True)).tenants[0].since is None
        assert policy_of(configuration(backfillEnabled=False)).tenants[0].since == TODAY

    def test_switched_off_stays_switched_off(self) -> None:
        """Cline in VS Code went on; archiver does not begin."""
        value = configuration()
        value["enterpriseTelemetry"]["promptUploading"]["enabled"] = False
        assert not policy_of(value).tenants[0].enabled

    def test_no_key_stands_in_it(self) -> None:
        """Nor in what is told."""
        uploading = read(configuration())
        draft = drafted(uploading, "acme", "/etc/archiver/acme.key", TODAY, "ai")
        told = document(draft) + str(fates(uploading, draft)) + repr(uploading) + repr(draft)
        assert KEY_ID not in told
        assert SECRET not in told
        assert 'prefix = "ai"' in told

    def test_every_setting_that_was_given_has_a_fate(self) -> None:
        """Taken over, done better, or without an equal; each with its reason."""
        queue = dict.fromkeys(QUEUE, 7) | {"backfillEnabled": True}
        value = configuration("r2", accountId=ACCOUNT, region="auto", shiny=1, **queue)
        uploading = read(value)
        told = fates(uploading, drafted(uploading, "acme", "/k", TODAY))
        by_name = {fate.setting: fate for fate in told}
        assert set(by_name) >= {*QUEUE, "enabled", "type", "region", "shiny"}
        assert by_name["maxRetries"].becomes == "better"
        assert by_name["maxFailedAgeMs"].becomes == "better"
        assert by_name["region"].becomes == by_name["shiny"].becomes == "none"
        assert "[schedule] ship_seconds = 1" in by_name["intervalMs"].means
        assert all(fate.means for fate in told)

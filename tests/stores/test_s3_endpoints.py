"""The lean endpoint data says of S3 what botocore's own says."""

from __future__ import annotations

import json
from pathlib import Path

import botocore
import pytest
from botocore.regions import EndpointResolver

from archiver.stores.s3_endpoints import only_what_s3_needs

WHOLE = (Path(botocore.__file__).parent / "data" / "endpoints.json").read_bytes()


@pytest.mark.parametrize("service", ["s3", "sts", "sso", "oidc", "portal.sso"])
@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "auto", "mars-north-1"]
)
def test_an_address_is_what_botocore_makes_of_all_its_data(service: str, region: str) -> None:
    """In every kind of region, and in one that is not there."""
    ours = EndpointResolver(only_what_s3_needs(WHOLE))
    theirs = EndpointResolver(json.loads(WHOLE))
    assert ours.construct_endpoint(service, region) == theirs.construct_endpoint(service, region)


def test_the_other_services_are_left_out() -> None:
    """Which is the point: of three hundred services in each partition, five at most."""
    for partition in only_what_s3_needs(WHOLE)["partitions"]:
        assert set(partition["services"]) <= {"s3", "sts", "sso", "oidc", "portal.sso"}

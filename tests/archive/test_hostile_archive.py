"""Whatever lies in a store, verification ends with a report: it never breaks, and never shrugs."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from witnessed import check, codes, memory

from archiver.archive.scope import Depth
from archiver.evidence import note

if TYPE_CHECKING:
    from witnessed import Witnessed

_SETTINGS = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=30)
    | st.sampled_from(
        [
            "0001-01-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
            "0001-01-01T00:00:00.000+14:00",
            "tenant=acme/../../etc/passwd",
            "0" * 64,
            "é" * 64,
            -1,
            2**63,
            10**30,
        ]
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
_WHERE = ("plain", "sealed")


def mutated(body: bytes, draw: Any) -> bytes:
    """Change bytes in any way: cut, repeat, put in, overwrite."""
    at = draw(st.integers(0, len(body)))
    until = draw(st.integers(at, min(len(body), at + 40)))
    return body[:at] + draw(st.binary(max_size=40)) + body[until:] * draw(st.integers(0, 2))


@pytest.mark.parametrize("kind", _WHERE)
@given(data=st.data())
@_SETTINGS
def test_no_mutation_of_a_listed_object_is_success(
    synthetic: Any, request: pytest.FixtureRequest, kind: str, data: Any
) -> None:
    """Any object, changed in any way, with and without an admin's key, however deep."""
    world: Witnessed = request.getfixturevalue(kind)
    key = data.draw(st.sampled_from(sorted(world.objects)))
    body = mutated(world.objects[key], data.draw)
    trusted = data.draw(st.booleans())
    depth = data.draw(st.sampled_from([Depth.BYTES, Depth.RECORDS]))
    damaged = {**world.objects, key: body}
    report = synthetic.run(check(memory(damaged), "", world, trusted=trusted, depth=depth))
    assert (report.exit_status != 0) == (body != world.objects[key])


@pytest.mark.parametrize("kind", _WHERE)
@given(data=st.data())
@_SETTINGS
def test_whatever_a_device_signs_is_judged(
    synthetic: Any, request: pytest.FixtureRequest, kind: str, data: Any
) -> None:
    """The holder of an approved key writes any JSON in the place of any value."""
    world: Witnessed = request.getfixturevalue(kind).copy()
    device = data.draw(st.sampled_from(world.devices))
    said = world.said(data.draw(st.sampled_from(world.manifests(device))))
    said["seq"] = world.next_of(device)["seq"]
    seq = said["seq"]
    for _ in range(data.draw(st.integers(1, 4))):
        place: Any = said
        while True:
            if not place:
                break
            name = data.draw(
                st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place)))
            )
            if isinstance(place[name], dict | list) and place[name] and data.draw(st.booleans()):
                place = place[name]
                continue
            place[name] = data.draw(_JSON)
            break
    text = json.dumps(said, ensure_ascii=data.draw(st.booleans())).encode("utf-8", "replace")
    if not note._is_clean(text):
        return
    world.put_manifest_text(text.replace(b"\n", b" ") + b"\n", device, seq)
    for depth in Depth:
        report = synthetic.run(check(memory(world.objects), "", world, depth=depth))
        assert report.exit_status in (0, 1, 2)
        json.dumps(report.to_json())


@given(data=st.data())
@_SETTINGS
def test_whatever_is_put_beside_the_archive_is_judged(
    synthetic: Any, plain: Witnessed, data: Any
) -> None:
    """Any bytes under any name below the tenant: foreign, invalid or not vouched for."""
    folders = ["", "_manifests/", "_registry/", "_checkpoints/", "_rollups/", "_devices/", "_keys/"]
    known = st.sampled_from(sorted(plain.objects))
    name = data.draw(
        st.sampled_from(folders).flatmap(
            lambda folder: st.text("abcdef0123456789-./=_~é", min_size=1, max_size=40).map(
                lambda rest: f"tenant=acme/{folder}{rest}"
            )
        )
        | known.map(lambda key: key[:-6] + "0" + key[-5:])
        | known.map(lambda key: key.replace("00000", "00009", 1))
        | known.map(lambda key: key.replace("tenant=acme/", "tenant=acme/tenant=acme/", 1))
    )
    if name in plain.objects:
        return
    body = data.draw(st.binary(max_size=60) | known.map(lambda key: plain.objects[key]))
    store = memory({**plain.objects, name: body})
    report = synthetic.run(check(store, "", plain, depth=Depth.RECORDS))
    notes_only = {str(one.code) for one in report.findings} <= {
        "reserved-object",
        "rollup-not-listed",
        "key-not-listed",
    }
    assert report.findings
    assert report.exit_status != 0 or notes_only, codes(report)

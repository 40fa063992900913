"""Section 8 of the chat-quota contract, with the published Python client in two versions."""

import asyncio
import importlib.util
import sys
import uuid
from datetime import UTC, datetime
from http import HTTPStatus
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from contract import LARGEST_LIMIT, LIMITS

OLDER = Path(sys.prefix, "older-sdk", "waldur_api_client")


def load_older() -> ModuleType:
    """The older version under another name, so that both can live in one process."""
    if not OLDER.is_dir():
        pytest.skip("install requirements-older-sdk.txt as its comment says")
    name = "older_waldur_api_client"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(
            name, OLDER / "__init__.py", submodule_search_locations=[str(OLDER)]
        )
        sys.modules[name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[name])
    return sys.modules[name]


class SDK:
    """One version of the client, spoken to through its synchronous or its asyncio functions."""

    def __init__(self, package: ModuleType, style: str):
        self.style = style
        self.client = package.AuthenticatedClient
        self.errors = import_module(f"{package.__name__}.errors")
        self.request = import_module(f"{package.__name__}.models.set_token_quota_request").SetTokenQuotaRequest
        self.retrieve = import_module(f"{package.__name__}.api.chat_quota.chat_quota_usage_retrieve")
        self.quota = import_module(f"{package.__name__}.api.chat_quota.chat_quota_set_quota")

    def usage(self, account, **arguments):
        return self._call(self.retrieve, account, **arguments)

    def set_quota(self, account, user: uuid.UUID, **limits):
        return self._call(self.quota, account, body=self.request(user_uuid=user, **limits))

    def _call(self, module, account, **arguments):
        client = self.client(base_url=account.base, token=account.token)
        if self.style == "sync":
            return module.sync_detailed(client=client, **arguments)
        return asyncio.run(self._call_async(module, client, arguments))

    async def _call_async(self, module, client, arguments):
        async with client:
            return await module.asyncio_detailed(client=client, **arguments)


@pytest.fixture(params=["newest", "older"])
def package(request) -> ModuleType:
    return import_module("waldur_api_client") if request.param == "newest" else load_older()


@pytest.fixture(params=["sync", "asyncio"])
def sdk(request, package) -> SDK:
    return SDK(package, request.param)


@pytest.mark.parametrize("role", ["user", "support", "staff"])
def test_ones_own_usage_is_read_by_uuid(service, sdk, role):
    account = service.by_role(role)
    answer = sdk.usage(account, user_uuid=uuid.UUID(account.uuid))
    assert answer.status_code == HTTPStatus.OK
    assert answer.parsed.daily_usage == 0
    assert answer.parsed.daily_remaining is None
    assert answer.parsed.additional_properties == {}


def test_support_reads_another_user_whose_limits_and_usage_are_exact(service, sdk, person):
    service.set_limits(person, LARGEST_LIMIT, 0, None)
    service.spend(person, 2**31 + 5)
    usage = sdk.usage(service.support, user_uuid=uuid.UUID(person.uuid)).parsed
    assert (usage.daily_limit, usage.weekly_limit, usage.monthly_limit) == (LARGEST_LIMIT, 0, None)
    assert (usage.daily_usage, usage.daily_remaining) == (2**31 + 5, LARGEST_LIMIT - 2**31 - 5)
    assert (usage.weekly_remaining, usage.monthly_remaining) == (0, None)


def test_reset_times_are_moments_with_an_offset_in_the_future(service, sdk):
    usage = sdk.usage(service.user, user_uuid=uuid.UUID(service.user.uuid)).parsed
    for reset_at in (usage.daily_reset_at, usage.weekly_reset_at, usage.monthly_reset_at):
        assert reset_at.utcoffset() is not None
        assert reset_at > datetime.now(UTC)


def test_older_clients_may_leave_the_uuid_out(service):
    older = SDK(load_older(), "sync")
    assert older.usage(service.user).parsed.daily_usage == 0


@pytest.mark.parametrize("role, status", [("user", 403), ("staff", 404)])
def test_none_goes_out_as_text_and_is_nobody(service, sdk, role, status):
    with pytest.raises(sdk.errors.UnexpectedStatus) as refusal:
        sdk.usage(service.by_role(role), user_uuid=None)
    assert refusal.value.status_code == status


@pytest.mark.parametrize("role, user, status", [
    ("user", uuid.uuid4(), 403), ("staff", uuid.uuid4(), 404), ("staff", uuid.UUID(int=0), 404),
])  # fmt: skip
def test_a_refused_read_is_an_unexpected_status(service, sdk, role, user, status):
    with pytest.raises(sdk.errors.UnexpectedStatus) as refusal:
        sdk.usage(service.by_role(role), user_uuid=user)
    assert refusal.value.status_code == status


@pytest.mark.parametrize("limits", [
    {}, {"daily_limit": 5}, {"daily_limit": None, "weekly_limit": -1, "monthly_limit": LARGEST_LIMIT},
    {"monthly_limit": 2**31}, {"daily_limit": 0, "weekly_limit": None},
])  # fmt: skip
@pytest.mark.parametrize("role", ["support", "staff"])
def test_set_quota_stores_what_the_request_object_says(service, sdk, person, role, limits):
    answer = sdk.set_quota(service.by_role(role), uuid.UUID(person.uuid), **limits)
    assert (answer.status_code, answer.content, answer.parsed) == (HTTPStatus.OK, b"", None)
    assert service.limits(person) == tuple(limits.get(name) for name in LIMITS)


def test_additional_properties_of_a_request_do_no_harm(service, sdk, person):
    request = sdk.request(user_uuid=uuid.UUID(person.uuid), weekly_limit=3)
    request["daily_usage"] = 17
    request["comment"] = {"nested": [None]}
    assert sdk._call(sdk.quota, service.staff, body=request).status_code == HTTPStatus.OK
    assert service.limits(person) == (None, 3, None)
    assert service.used(person) == (0, 0, 0)


@pytest.mark.parametrize("role, user, limit, status", [
    ("user", "known", 1, 403), ("staff", "unknown", 1, 404), ("staff", "known", -2, 400), ("staff", "known", LARGEST_LIMIT + 1, 400),
])  # fmt: skip
def test_a_refused_change_is_an_unexpected_status_and_changes_nothing(service, sdk, person, role, user, limit, status):
    target = uuid.UUID(person.uuid) if user == "known" else uuid.uuid4()
    with pytest.raises(sdk.errors.UnexpectedStatus) as refusal:
        sdk.set_quota(service.by_role(role), target, daily_limit=limit)
    assert refusal.value.status_code == status
    assert service.limits(person) == (None, None, None)


def test_a_bearer_prefix_is_fine_too(service, package):
    client = package.AuthenticatedClient(base_url=service.base, token=service.user.token, prefix="Bearer")
    retrieve = SDK(package, "sync").retrieve
    assert retrieve.sync(client=client, user_uuid=uuid.UUID(service.user.uuid)).daily_usage == 0


def test_a_base_url_may_carry_a_path_prefix(start, package):
    service = start("--path-prefix", "/waldur")
    client = package.AuthenticatedClient(base_url=service.base + "/waldur", token=service.store.admin["token"])
    user = uuid.UUID(service.store.admin["user"])
    assert SDK(package, "sync").retrieve.sync(client=client, user_uuid=user).daily_usage == 0

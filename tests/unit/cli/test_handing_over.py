"""What is made for the service is removed again until it is accepted, whatever ends the command before."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import yaml

from arcway.cli.client import ArcwayClient, CommandError
from arcway.cli.credentials import provisioning as module
from arcway.cli.credentials.provisioning import Needs, provided_credential
from arcway.cli.option_groups import Kubeconfig, Proxy
from arcway.cluster.access import temporary_account
from arcway.cluster.access.kubeconfig import Access, read_kubeconfig
from arcway.cluster.access.temporary_account import Token
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.secret_names import is_proved

OWN, MADE = "the-users-own-token", "token-of-the-service-account"


class Remote:
    """An Arcway elsewhere."""

    stack = None


class World:
    """The cluster and the vault: what is in them now."""

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.secrets: dict[str, str] = {}
        self.hours = 24.0
        self.fails: str | None = None

    def make(self, _: Access, name: str, seconds: int, needed: Any, role: str | None) -> Token:
        self.accounts.append(name)
        if self.fails and self.fails != "store":
            raise ArcError(self.fails)
        return Token(MADE, datetime.now(UTC) + timedelta(hours=self.hours), "kube-system")

    def remove(self, access: Access, name: str) -> None:
        assert access.token == OWN
        self.accounts.remove(name)

    def bound(self, access: Access, needed: Any, _: float) -> None:
        assert access.token == MADE

    def put(self, name: str, message: str, expires: datetime | None) -> None:
        self.secrets[name] = message
        if self.fails == "store":
            raise CommandError("The vault refuses.", 1)

    def delete(self, name: str) -> None:
        self.secrets.pop(name, None)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world_under_test = World()

    @contextmanager
    def opened(access: Access) -> Iterator[Access]:
        yield access

    monkeypatch.setattr(module, "open_cluster", opened)
    monkeypatch.setattr(module, "store_of", lambda *_: world_under_test)
    monkeypatch.setattr(temporary_account, "make", world_under_test.make)
    monkeypatch.setattr(temporary_account, "delete", world_under_test.remove)
    monkeypatch.setattr(temporary_account, "wait_until_bound", world_under_test.bound)
    return world_under_test


@pytest.fixture
def given(tmp_path: Path) -> Kubeconfig:
    cluster = {"server": "https://192.0.2.1", "certificate-authority-data": base64.b64encode(b"CA").decode()}
    document = {
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
        "clusters": [{"name": "c", "cluster": cluster}],
        "users": [{"name": "u", "user": {"token": OWN}}],
    }
    (tmp_path / "config").write_text(yaml.safe_dump(document))
    return Kubeconfig(tmp_path / "config")


def handed(kubeconfig: Kubeconfig | None, proxy: Proxy | None = None) -> Any:
    return provided_credential(cast("ArcwayClient", Remote()), "Shop_1", kubeconfig, Needs("onboard"), proxy)


def test_what_is_accepted_stays_and_says_nothing_of_the_user(world: World, given: Kubeconfig) -> None:
    with handed(given, Proxy(https="http://me:password@proxy:1")) as created:
        created.accepted()
    secret = created.kubeconfig["secret"]
    proof = created.kubeconfig["proof"]
    assert created.kubeconfig == {"secret": secret, "temporary": True, "proof": proof}
    assert is_proved(secret, proof)
    assert secret.startswith("arcway-tmp-shop-1-")
    assert created.proxy == {"https": "http://proxy:1", "credentials": {"secret": f"{secret}-proxy"}}
    assert world.accounts == [secret]
    assert world.secrets[f"{secret}-proxy"] == "me:password"
    access = read_kubeconfig(world.secrets[secret], None, allow_loopback=False)
    assert (access.token, access.certificate, access.server) == (MADE, None, "https://192.0.2.1")
    assert OWN not in world.secrets[secret]


@pytest.mark.parametrize("error", [CommandError("refused", 2), KeyboardInterrupt()])
def test_what_is_not_accepted_is_removed(world: World, given: Kubeconfig, error: BaseException) -> None:
    existing: list[int] = []

    def command() -> None:
        with handed(given, Proxy(https="http://me:password@proxy:1")):
            existing.extend((len(world.accounts), len(world.secrets)))
            raise error

    with pytest.raises(type(error)):
        command()
    assert existing == [1, 2]
    assert (world.accounts, world.secrets) == ([], {})


@pytest.mark.parametrize("fails", ["store", Code.CLUSTER_PERMISSION_MISSING, Code.KUBERNETES_API_ERROR])
def test_what_is_half_made_is_removed(world: World, given: Kubeconfig, fails: str) -> None:
    world.fails = fails
    with pytest.raises(CommandError, match="vault refuses" if fails == "store" else fails) as caught, handed(given):
        pass
    assert (world.accounts, world.secrets) == ([], {})
    assert ("--credential as-is" in (caught.value.remedy or "")) == (fails == Code.CLUSTER_PERMISSION_MISSING)


def test_what_cannot_be_removed_is_named(
    world: World, given: Kubeconfig, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dead(*_: object) -> None:
        raise ArcError(Code.API_SERVER_UNREACHABLE)

    monkeypatch.setattr(temporary_account, "delete", dead)
    with pytest.raises(CommandError, match="refused"), handed(given):
        raise CommandError("refused", 2)
    assert f"ServiceAccount, role and binding {world.accounts[0]} (ARC-3001" in " ".join(
        capsys.readouterr().err.split()
    )


@pytest.mark.parametrize(("hours", "is_told"), [(24.0, False), (1.0, True)])
def test_a_token_shorter_than_asked_for_is_reported(
    world: World, given: Kubeconfig, capsys: pytest.CaptureFixture[str], hours: float, is_told: bool
) -> None:
    world.hours = hours
    with handed(given):
        pass
    assert ("earlier than requested" in capsys.readouterr().err) == is_told


def test_a_stored_kubeconfig_is_named_and_nothing_is_made(world: World) -> None:
    with handed(Kubeconfig(secret="arcway-shop", context="c")) as created:
        assert created.kubeconfig == {"secret": "arcway-shop", "context": "c"}
    with handed(None) as created:
        assert created.kubeconfig is None
    assert (world.accounts, world.secrets) == ([], {})

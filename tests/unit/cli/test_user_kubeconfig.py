"""The user's kubeconfig is found, merged and read as kubectl does it; one context leaves, without a path in it."""

import base64
import json
import os
from pathlib import Path

import pytest
import yaml

from arcway.cli.client import USAGE, CommandError
from arcway.cli.credentials.kubeconfig import choose
from arcway.domain.codes import Code
from arcway.domain.json_values import Json

CA, CERTIFICATE, KEY = "-----CA-----\n", "-----CERTIFICATE-----\n", "-----KEY-----\n"


def encoded(message: str) -> str:
    return base64.b64encode(message.encode()).decode()


def kubeconfig(
    server: str = "https://a",
    *,
    user: Json | None = None,
    current: str = "c",
    name: str = "c",
    extra: Json | None = None,
) -> Json:
    collected = {"server": server, "certificate-authority-data": encoded(CA), **(extra or {})}
    return {
        "current-context": current,
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "clusters": [{"name": name, "cluster": {key: value for key, value in collected.items() if value is not None}}],
        "users": [{"name": name, "user": user if user is not None else {"token": f"token of {name}"}}],
    }


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "home"


def write(path: Path, document: Json) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(document))
    return path


FIRST = kubeconfig("https://first", current="", name="c")
SECOND = kubeconfig("https://second", current="c", name="c")
OTHER = kubeconfig("https://other", current="d", name="d")


@pytest.mark.parametrize(
    ("documents", "context", "server"),
    [
        pytest.param([FIRST, SECOND], None, "https://first", id="the first entry of a name wins, the rest is merged"),
        pytest.param([SECOND, OTHER], None, "https://second", id="the first current context wins"),
        pytest.param([OTHER, SECOND], None, "https://other", id="whichever file is first"),
        pytest.param([SECOND, OTHER], "d", "https://other", id="a named context of a later file"),
        pytest.param([None, SECOND], None, "https://second", id="a missing file is skipped"),
        pytest.param([{}, SECOND], None, "https://second", id="an empty file has nothing"),
        pytest.param(
            [{"current-context": "d"}, SECOND, OTHER],
            None,
            "https://other",
            id="a file with a current context alone",
        ),
        pytest.param(
            [{"contexts": [{"name": "c", "context": {"cluster": "d", "user": "d"}}]}, SECOND, OTHER],
            None,
            "https://other",
            id="a context may be made of entries of several files",
        ),
    ],
)
def test_several_files_are_merged(
    documents: list[Json | None], context: str | None, server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / f"{number}.yaml" for number in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        if document is not None:
            write(path, document)
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(["", *map(str, paths)]))
    assert choose(None, context).access().server == server


@pytest.mark.parametrize("variable", ["", None])
def test_without_a_variable_it_is_the_one_at_home(
    variable: str | None, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home / ".kube" / "config", kubeconfig("https://home"))
    if variable is not None:
        monkeypatch.setenv("KUBECONFIG", variable)
    assert choose(None, None).access().server == "https://home"


def test_a_named_file_is_the_only_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(write(tmp_path / "other", OTHER)))
    named = write(tmp_path / "named", SECOND)
    assert choose(named, None).access().server == "https://second"
    with pytest.raises(CommandError, match=Code.KUBECONFIG_CONTEXT_NOT_FOUND):
        choose(named, "d")


def test_files_are_inlined_and_their_paths_are_relative_to_the_kubeconfig(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "down"
    (folder / "pki").mkdir(parents=True)
    for name, line in (("ca", CA), ("crt", CERTIFICATE), ("key", KEY), ("token", " from-file\n")):
        (folder / "pki" / name).write_text(line)
    user = {"client-certificate": "pki/crt", "client-key": str(folder / "pki" / "key"), "tokenFile": "pki/token"}
    cluster = {"certificate-authority": "pki/ca", "certificate-authority-data": None}
    file = write(folder / "config", kubeconfig(user={**user, "token": "in the kubeconfig"}, extra=cluster))
    access = choose(Path(os.path.relpath(file)), None).access()
    assert (access.ca, access.certificate, access.key) == (CA, CERTIFICATE, KEY)
    assert access.token == "from-file"
    assert "pki" not in access.as_kubeconfig()
    assert str(tmp_path) not in access.as_kubeconfig()


def test_data_counts_more_than_a_file(tmp_path: Path) -> None:
    file = write(tmp_path / "config", kubeconfig(extra={"certificate-authority": "/no/such/file"}))
    assert choose(file, None).access().ca == CA


def test_a_plugin_beside_the_kubeconfig_is_found_there(tmp_path: Path) -> None:
    for command, expected in (("./get-token", str(tmp_path / "get-token")), ("aws", "aws"), ("/bin/x", "/bin/x")):
        chosen = choose(write(tmp_path / "config", kubeconfig(user={"exec": {"command": command}})), None)
        assert chosen.user["exec"]["command"] == expected
        assert not chosen.has_static_credential


@pytest.mark.parametrize(
    ("document", "field"),
    [
        (kubeconfig(extra={"insecure-skip-tls-verify": True}), "cluster.insecure-skip-tls-verify"),
        (kubeconfig(extra={"proxy-url": "http://proxy"}), "cluster.proxy-url"),
        (kubeconfig(user={"token": "t", "as": "somebody"}), "user.as"),
        (kubeconfig(user={"token": "t", "as-groups": ["system:masters"]}), "user.as-groups"),
        (kubeconfig(user={"auth-provider": {"name": "gcp"}}), "user.auth-provider"),
        (kubeconfig(user={"username": "u", "password": "p"}), "user.username, user.password"),
    ],
)
def test_what_arcway_does_not_do_is_refused_by_name(document: Json, field: str, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match=Code.KUBECONFIG_REFUSED) as caught:
        choose(write(tmp_path / "config", document), None)
    assert (caught.value.exit_code, field in str(caught.value)) == (USAGE, True)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("[]", Code.KUBECONFIG_INVALID),
        ("users: 3", Code.KUBECONFIG_INVALID),
        ("users: [{name: a, user: secret-text}]", Code.KUBECONFIG_INVALID),
        ("users: [{name: a, user: {token: secret-text}}, {name: a, user: {}}]", Code.KUBECONFIG_INVALID),
        ("token: 'secret-text", Code.KUBECONFIG_INVALID),
        ("{}", Code.KUBECONFIG_CONTEXT_NOT_FOUND),
        ("current-context: gone", Code.KUBECONFIG_CONTEXT_NOT_FOUND),
        (json.dumps(kubeconfig() | {"clusters": []}), Code.KUBECONFIG_INVALID),
        (json.dumps(kubeconfig() | {"users": []}), Code.KUBECONFIG_INVALID),
        (json.dumps(kubeconfig(extra={"certificate-authority-data": "%"})), Code.KUBECONFIG_INVALID),
        (json.dumps(kubeconfig(user={"tokenFile": "no-such-file"})), Code.KUBECONFIG_INVALID),
    ],
)
def test_what_is_not_a_kubeconfig_is_one_sentence_without_its_text(message: str, code: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(message)
    with pytest.raises(CommandError, match=code) as caught:
        choose(tmp_path / "config", None).access()
    assert caught.value.exit_code == USAGE
    assert "secret-text" not in str(caught.value)


def test_files_that_are_all_missing_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path}/one{os.pathsep}{tmp_path}/two")
    with pytest.raises(CommandError, match=r"one.*two"):
        choose(None, None)

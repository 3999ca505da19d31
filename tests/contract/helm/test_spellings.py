"""The same kubeconfig in many spellings: what Go's reader takes, which Helm embeds, the service takes, too.

The judge is Helm itself, which is given the very bytes. What the service refuses on purpose (programs, files, skipped
checks, more than one meaning of the same bytes) is listed with its reason.
"""

import base64
import json
import os
import subprocess
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from arcway.cluster.access.api import open_cluster
from arcway.cluster.access.kubeconfig import read_kubeconfig
from arcway.cluster.access.tls import context_for
from arcway.domain.codes import Code
from arcway.domain.errors import ArcError
from arcway.domain.json_values import Json
from arcway.domain.text import decoded

type Spelling = Callable[[Json], bytes]


def written(document: Json, **cluster: object) -> bytes:
    document["clusters"][0]["cluster"].update(cluster)
    return json.dumps(document).encode()


def ca(document: Json) -> bytes:
    return base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"])


def with_ca(change: Callable[[bytes], bytes]) -> Spelling:
    return lambda document: written(
        document, **{"certificate-authority-data": base64.b64encode(change(ca(document))).decode()}
    )


def with_text(change: Callable[[str], str]) -> Spelling:
    def spell(document: Json) -> bytes:
        name = "certificate-authority-data"
        return written(document, **{name: change(document["clusters"][0]["cluster"][name])})

    return spell


def with_user(change: Callable[[bytes], bytes]) -> Spelling:
    """Change what the client certificate and its key are in PEM form."""

    def spell(document: Json) -> bytes:
        user = document["users"][0]["user"]
        for name in ("client-certificate-data", "client-key-data"):
            user[name] = base64.b64encode(change(base64.b64decode(user[name]))).decode()
        return json.dumps(document).encode()

    return spell


def lines(message: str, end: str) -> str:
    return end.join(textwrap.wrap(message, 64))


def one_line(data: bytes) -> bytes:
    """Each block's base64 in one line."""
    head, *lines_after = data.decode().strip().splitlines()
    return f"{head}\n{''.join(lines_after[:-1])}\n{lines_after[-1]}\n".encode()


def in_yaml(document: Json) -> bytes:
    """As people write it, with a block of lines."""
    import yaml

    content = document["clusters"][0]["cluster"]["certificate-authority-data"]
    document["clusters"][0]["cluster"]["certificate-authority-data"] = lines(content, "\n") + "\n"
    return yaml.safe_dump(document, default_style="|").encode()


def field(where: str, **fields: object) -> Spelling:
    def spell(document: Json) -> bytes:
        document[f"{where}s"][0][where].update(fields)
        return json.dumps(document).encode()

    return spell


def as_yaml(document: Json) -> str:
    import yaml

    return yaml.safe_dump(document)


LATIN = "# Zertifikat für den Cluster\nsubject=/CN=größe\n".encode("latin-1")
GARBAGE = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
EMPTY_KEY = b"-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"

SPELLINGS: dict[str, Spelling] = {
    "plain": lambda document: written(document),
    "base64 in lines": with_text(lambda line: lines(line, "\n")),
    "base64 in lines of Windows": with_text(lambda line: lines(line, "\r\n") + "\r\n"),
    "base64 in a block of YAML": in_yaml,
    "base64 with blanks": with_text(lambda line: lines(line, " ")),
    "base64 with tabs": with_text(lambda line: lines(line, "\t")),
    "base64 without its padding": with_text(lambda line: line.rstrip("=") + "A"),
    "base64 of URLs": with_text(lambda line: line.replace("/", "_") + "__=="),
    "no authority, which the server's certificate needs": with_text(lambda line: ""),
    "authority of blanks": with_text(lambda line: "  "),
    "authority that is none": with_ca(lambda data: b"nothing"),
    "comments in the authority": with_ca(lambda data: b"# our CA\nsubject=/CN=x\n" + data + b"# end\n"),
    "comments in Latin-1": with_ca(lambda data: LATIN + data),
    "two authorities": with_ca(lambda data: data + data),
    "a damaged certificate beside a good one": with_ca(lambda data: GARBAGE + data),
    "only a damaged certificate": with_ca(lambda data: GARBAGE),
    "another kind of block beside it": with_ca(lambda data: EMPTY_KEY + data),
    "authority with ends of Windows": with_ca(lambda data: data.replace(b"\n", b"\r\n")),
    "authority in one line": with_ca(one_line),
    "authority without a last line end": with_ca(bytes.strip),
    "authority after blanks": with_ca(lambda data: b"  \n\n" + data),
    "indented authority": with_ca(lambda data: b" " + data),
    "certificate and key with comments": with_user(lambda data: LATIN + data),
    "certificate and key in one line": with_user(one_line),
    "certificate and key after another block": with_user(lambda data: EMPTY_KEY + data),
    "certificate and key with ends of Windows": with_user(lambda data: data.replace(b"\n", b"\r\n")),
    "UTF-8 with a mark": lambda document: b"\xef\xbb\xbf" + written(document),
    "UTF-16 with a mark": lambda document: as_yaml(document).encode("utf-16"),
    "UTF-16, big end first": lambda document: b"\xfe\xff" + as_yaml(document).encode("utf-16-be"),
    "UTF-16 without a mark": lambda document: as_yaml(document).encode("utf-16-le"),
    "YAML": lambda document: as_yaml(document).encode(),
    "YAML with ends of Windows": lambda document: as_yaml(document).replace("\n", "\r\n").encode(),
    "YAML with a mark of a document": lambda document: b"---\n" + as_yaml(document).encode() + b"...\n",
    "YAML with a mark at its end": lambda document: as_yaml(document).encode() + b"---\n# nothing\n",
    "JSON with tabs": lambda document: json.dumps(document, indent="\t").encode(),
    "no kind": lambda document: json.dumps({k: v for k, v in document.items() if k != "kind"}).encode(),
    "null fields": field("user", **{"exec": None, "auth-provider": None, "tokenFile": "", "as": "", "token": None}),
    "checks that are not skipped": field("cluster", **{"insecure-skip-tls-verify": False, "proxy-url": ""}),
    "no compression": field("cluster", **{"disable-compression": True}),
    "an address with a slash": lambda document: written(
        document, server=document["clusters"][0]["cluster"]["server"] + "/"
    ),
    "an address without a scheme, which leads nowhere": lambda document: written(
        document, server=document["clusters"][0]["cluster"]["server"].removeprefix("https://")
    ),
    "a scheme in capitals": lambda document: written(
        document, server=document["clusters"][0]["cluster"]["server"].replace("https", "HTTPS")
    ),
}


def by_helm(program: Path, data: bytes, folder: Path) -> bool:
    """Whether Helm gets at the API server with these bytes."""
    (folder / "config").write_bytes(data)
    completed = subprocess.run(
        [program, "list", "--namespace=kube-public", "--output=json"],
        env={"KUBECONFIG": str(folder / "config"), "HOME": str(folder), "PATH": os.defpath},
        capture_output=True,
        timeout=240,
        check=False,
    )
    return completed.returncode == 0


def by_service(data: bytes) -> bool:
    """Whether the service does."""
    try:
        with open_cluster(read_kubeconfig(decoded(data), None, allow_loopback=True)) as api:
            return api.get("/api/v1/namespaces/kube-public") is not None
    except (ArcError, UnicodeDecodeError):
        return False


@pytest.mark.parametrize("name", SPELLINGS)
def test_what_helm_takes_the_service_takes(name: str, kubeconfig: Json, helm_program: Path, tmp_path: Path) -> None:
    data = SPELLINGS[name](json.loads(json.dumps(kubeconfig)))
    assert by_service(data) == by_helm(helm_program, data, tmp_path)


def test_without_an_authority_the_public_ones_decide(kubeconfig: Json, tmp_path: Path) -> None:
    document = json.loads(json.dumps(kubeconfig))
    authority = tmp_path / "public.pem"
    authority.write_bytes(ca(document))
    data = with_text(lambda line: "")(document)
    access = read_kubeconfig(data.decode(), None, allow_loopback=True)
    assert "certificate-authority-data" not in access.as_kubeconfig()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority))
        assert by_service(data)
        assert context_for(access).cert_store_stats()["x509_ca"] > 100


def test_an_authority_that_is_none_never_means_the_public_ones(kubeconfig: Json) -> None:
    for spelling in ("authority that is none", "only a damaged certificate"):
        access = read_kubeconfig(
            SPELLINGS[spelling](json.loads(json.dumps(kubeconfig))).decode(), None, allow_loopback=True
        )
        with pytest.raises(ArcError, match=Code.KUBECONFIG_INVALID):
            context_for(access)

"""What looks like a key is recognized at both sides of each limit; names and paths stay readable."""

import pytest

from arcway.domain.redaction import is_random, redact, without_secrets
from arcway.domain.secrets_held import hold, holding

MASK = "[redacted]"


@pytest.mark.parametrize(
    "run",
    [
        # Base64 with slashes, none of whose parts is long.
        "QEDeTaZ02N/cJtftqLBa/llqrzowSDXGKH8KJZz86TSs",
        "aB3/dE5gH7/jK9lM1nO/pQ4rS6tU8vW/xY2zA4bC6dE8",
        # Such base64 with one digit, or with fewer changes and three digits.
        "aBcDe/FgHiJkLmN/oPqRsTuV1xYzAb/CdEfGhIjKlMnOp",
        "abCDe1FGhij/JKlmnOPQrs2TUVwxyz/Abc3DEFghij/HIjklm",
        "abCDe1FGhij/JKlmnOPQrs2TUXwxyz/Abc3DEFghij/HIjklm",
        # Base64 with its padding.
        "c2hvcnQga2V5IG9mIG1pbmU=",
        "QUJDREVGR0hJSktMTU5PUFE==",
        # A part with letters and digits of all kinds.
        "aB3dE5gH7jK9lM1nO3pQ5rS7",
        "x/aB3dE5gH7jK9lM1nO3pQ5rS7",
        # Forty characters of all kinds, whatever their order.
        f"{'a' * 18}{'B' * 18}{'1' * 4}",
        # 32 hexadecimal digits, in either case.
        "0123456789abcdef" * 2,
        "FEDCBA9876543210" * 2,
        # Letters of one case among digits.
        "a1b2c3d4e5f6g7h8i9j0k1l2",
        # Sixty characters without anything that joins names.
        "z" * 60,
        f"X{'z' * 59}",
    ],
)
def test_key_is_recognized(run: str) -> None:
    assert is_random(run)
    assert without_secrets(f"the key {run} was refused") == f"the key {MASK} was refused"


@pytest.mark.parametrize(
    "run",
    [
        "connectedClusters/listClusterUserCredential",
        "ValidatingAdmissionPolicyBinding",
        "MyResourceGroup2024/ProductionWest01/Cluster",
        "azure-arc-kube-aad-proxy-7f8b9c6d5d-x2x4z",
        "aks-nodepool1-12345678-vmss000000",
        "z" * 59,
        # Short words and slashes change the kind of character often.
        "Shop1/West/Prod/Data/Sales/Cubes/Month/Total/Sums",
        "Shop1/Western2/Prod/Data/Sales/Cubes/Month/Total/Sums",
        "Authorization/policyAssignments/72f988bf-86f1-41af-91ab-2d7cd011db47",
        "Authorization/roleDefinitions/8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
        "a1-b2-c3-d4-e5-f6-g7-h8-i9",
        "a1_b2_c3_d4_e5_f6_g7_h8_i9",
        "aaaa1111bbbb2222cccc33dd",
        "0123456789ABCDEF0123456789ABCDEFX",
        f"{'a' * 30}-{'b' * 40}",
        f"{'a' * 30}_{'b' * 40}",
        # One character less than what is recognized.
        "aB3dE5gH7jK9lM1nO3pQ5rS",
        "0123456789abcdef" * 2 + "g",
        f"{'a' * 18}{'B' * 18}{'1' * 3}",
        "abcdefghijklmnopqrstuvwx",
        "kubernetes1cluster2names",
        "aaaaaaaa11111111aaaaaaaa",
    ],
)
def test_names_and_paths_stay(run: str) -> None:
    assert not is_random(run)
    assert without_secrets(f"the name {run} was refused") == f"the name {run} was refused"


def test_short_runs_stay_whatever_they_are() -> None:
    assert without_secrets("aB3dE5gH7jK9lM1nO3pQ5rS") == "aB3dE5gH7jK9lM1nO3pQ5rS"


@pytest.mark.parametrize(
    ("message", "redacted"),
    [
        ("at https://user:password@proxy:3128/a", f"at https://{MASK}proxy:3128/a"),
        ("at https://user@proxy", f"at https://{MASK}proxy"),
        ("at user:pass@proxy:3128", f"at {MASK}proxy:3128"),
        ("at HTTPS%3A%2F%2Fuser%3Apw%40proxy", f"at HTTPS%3A%2F%2F{MASK}proxy"),
        ("at user:p@ss@proxy", f"at {MASK}proxy"),
        ("mail to rita@example.com", "mail to rita@example.com"),
        ("rita@example.com:8080", "rita@example.com:8080"),
        ("https://host/@x", f"https://{MASK}x"),
        ("at https://@proxy", f"at https://{MASK}proxy"),
        ("at :password@proxy", f"at {MASK}proxy"),
        ("at http%3A%2F%2Fuser%3Ap%40ss%40proxy", f"at http%3A%2F%2F{MASK}proxy"),
        (f"u:p@ss@reg/a@sha256:{'a' * 64}", f"{MASK}reg/a@sha256:{'a' * 64}"),
        ("@ alone and @", "@ alone and @"),
        (f"oci://reg/a@sha256:{'a' * 64}", f"oci://reg/a@sha256:{'a' * 64}"),
        (f"oci://u:p@reg/a@SHA256:{'a' * 64}", f"oci://{MASK}reg/a@SHA256:{'a' * 64}"),
    ],
)
def test_user_information_is_taken_out_of_what_has_a_host(message: str, redacted: str) -> None:
    assert without_secrets(message) == redacted


_NAMES = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "passwort",
    "pwd",
    "pass",
    "secret",
    "token",
    "credential",
    "credentials",
    "connectionString",
    "connection_string",
    "sas",
    "sig",
    "auth",
    "sas_url",
    "sas-uri",
    "signature",
    "authorization",
    "cookie",
    "session_id",
    "session-key",
    "jwt",
    "kubeconfig-data",
    "kubeconfig_data",
    "client-key-data",
    "certificate-key-data",
    "clientKeyData",
    "privateKey",
    "private_key",
]
_KEYS = [
    "api",
    "access",
    "account",
    "admin",
    "client",
    "consumer",
    "encryption",
    "function",
    "functions",
    "host",
    "master",
    "primary",
    "private",
    "root",
    "secondary",
    "secret",
    "service",
    "shared",
    "signing",
    "ssh",
    "storage",
    "subscription",
    "user",
    "vault",
    "web",
]


@pytest.mark.parametrize("name", [*_NAMES, *(f"{word}{join}key" for word in _KEYS for join in ("_", "", "%5f"))])
def test_value_with_the_name_of_a_secret_is_taken_out(name: str) -> None:
    for written in (name, name.upper()):
        assert without_secrets(f"the {written}=hunter22; next") == f"the {MASK}; next"
        assert without_secrets(f"the {written}: hunter22\\nnext") == f"the {MASK}\\nnext"


@pytest.mark.parametrize(
    "name", ["key", "keys", "monkey", "bypass", "compass", "author", "authority", "design", "signal"]
)
def test_value_with_another_name_stays(name: str) -> None:
    assert without_secrets(f"the {name}=hunter22; next") == f"the {name}=hunter22; next"


@pytest.mark.parametrize(
    ("message", "redacted"),
    [
        ("token=abc", MASK),
        ("token: abc", "token: abc"),
        ("is eyJabcd.e-_f.g.", f"is {MASK}"),
        ("is eyJabc or xeyJabcd", "is eyJabc or xeyJabcd"),
        ("helm --password hunter22 pull", f"helm {MASK} pull"),
        ("helm --kube-token hunter22", f"helm {MASK}"),
        ("with basic abcdef", f"with {MASK}"),
        ("a bearer abcde", "a bearer abcde"),
        ("basic auth required, a Bearer token, too", "basic auth required, a Bearer token, too"),
    ],
)
def test_credential_is_known_by_its_form(message: str, redacted: str) -> None:
    assert without_secrets(message) == redacted


def test_readable_ids_stay_beside_keys() -> None:
    scope = "/subscriptions/11111111-2222-3333-4444-555555555555/resourceGroups/aB3dE5gH7jK9lM1nO3pQ5rS7"
    digest = f"sha256:{'0123456789abcdef' * 4}"
    key = "aB3dE5gH7jK9lM1nO3pQ5rS7"
    assert without_secrets(f"{key} in {scope} of {digest} {key}") == f"{MASK} in {scope} of {digest} {MASK}"


def test_text_is_cut_before_it_is_searched_and_its_end_is_not_shown() -> None:
    message = "word " * 100
    assert redact(message, 500) == message.strip()
    assert redact(message, 20) == "word word word w…"
    # The window is four times the limit; a secret that begins near its end may have been cut: it is left out.
    assert redact("a" * 15 + " " * 60 + "secret", 20) == "a" * 15 + " …"


def test_held_secret_that_the_cut_went_through_is_masked_however_long_it_is() -> None:
    secret = "correct horse battery staple " * 20
    with holding():
        hold(secret)
        assert redact(f"it says{' ' * 400}{secret}", 150) == "it says …"
        # The whole text is there: its end is not the beginning of a secret that was cut.
        assert redact("the horse is correct", 50) == "the horse is correct"


def test_default_limit_is_one_paragraph() -> None:
    assert len(redact("word " * 1000)) == 600

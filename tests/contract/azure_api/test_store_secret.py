"""Keeping a secret in Key Vault through the official client, where there is no folder for secrets."""

import os
import subprocess
import sys

from tests.contract.azure_api.conftest import ROOT, Azure

CODE = """
import os
import sys
from datetime import UTC, datetime, timedelta
from arcway.cli import sign_in
from arcway.cli.credentials.store import _Vault
from arcway.cli.client import CommandError
from arcway.domain.secret_names import SecretKind
from arcway.installation import Installation
from arcway.settings import read_settings
installation = Installation(read_settings(os.environ))
secrets = installation.secrets
now = datetime.now(UTC)
secrets.store("arcway-kubeconfig-1", sys.stdin.read(), now + timedelta(days=1))
secrets.store("arcway-kubeconfig-2", "expired", now - timedelta(days=1))
print(secrets.read("arcway-kubeconfig-1", SecretKind.KUBECONFIG, user=None))
print(secrets.delete_expired(now))
secrets.store("arcway-kubeconfig-2", "again", now + timedelta(days=1))
print(secrets.read("arcway-kubeconfig-2", SecretKind.KUBECONFIG, user=None))
print(secrets.delete_expired(now + timedelta(days=2)))
sign_in.user_credential = lambda: installation.azure.pipeline.credential
sign_in.ca_file = lambda: installation.settings.ca_file
try:
    _Vault(installation.settings.vaults[0]).put("arcway-kubeconfig-2", "again", None)
except CommandError as error:
    print(error, error.remedy)
"""


def test_what_is_kept_in_the_vault_can_be_read_again_and_recovered_after_its_deletion(azure: Azure) -> None:
    environment = {
        "ARCWAY_LOCAL": "1",
        "WEBSITE_HOSTNAME": "127.0.0.1",
        "ARCWAY_ARM_ENDPOINT": azure.ready["endpoint"],
        "ARCWAY_VAULTS": azure.ready["endpoint"],
        "ARCWAY_CA_FILE": azure.ready["caFile"],
        "IDENTITY_ENDPOINT": azure.ready["identityEndpoint"],
        "IDENTITY_HEADER": azure.ready["identityHeader"],
    }
    completed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE],
        input="a kubeconfig",
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    content, deleted, recovered, deleted_again, command = completed.stdout.splitlines()
    assert (content, deleted) == ("a kubeconfig", "['arcway-kubeconfig-2']")
    assert (recovered, deleted_again) == ("again", "['arcway-kubeconfig-1', 'arcway-kubeconfig-2']")
    assert command.startswith("ARC-4025: Secret arcway-kubeconfig-2 was deleted")
    assert "az keyvault secret recover" in command

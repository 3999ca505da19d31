"""The `arcway` command against the local stack: data on standard output, exit codes, errors without tracebacks."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import click
import pytest
import typer
from typer.testing import CliRunner

from arcway.cli.main import app
from arcway.domain.codes import Code
from tests.e2e.conftest import Arcway, Command, SimulatedCluster


def kubeconfig_of(cluster: SimulatedCluster, folder: Path) -> str:
    path = folder / "config"
    path.write_text(json.dumps(cluster.kubeconfig))
    return str(path)


def test_connect_show_list_status(command: Command, arcway: Arcway, cluster: SimulatedCluster, tmp_path: Path) -> None:
    where = ("-g", "cli", "--subscription", arcway.subscription)
    named = ("-n", f"cli-{cluster.name}", *where)
    file = ("--kube-config", kubeconfig_of(cluster, tmp_path))
    completed = command("connect", *named, "-l", "eastus", *file, "--tags", "a=b", "-o", "json")
    assert completed.returncode == 0, completed.stderr
    output = json.loads(completed.stdout)
    assert (output["connectivityStatus"], output["tags"], output["aadProfile"]) == ("Connected", {"a": "b"}, None)
    assert "deployAgents: Succeeded" in completed.stderr
    repeated = json.loads(command("show", *named, "-o", "json").stdout)
    assert repeated["id"] == output["id"]
    assert [item["name"] for item in json.loads(command("list", *where, "-o", "json").stdout)] == [
        f"cli-{cluster.name}"
    ]
    table = command("list", *where).stdout
    assert "Connected" in table
    run_id = next(line.removeprefix("Run ") for line in completed.stderr.splitlines() if line.startswith("Run "))
    assert command("status", run_id).returncode == 0
    assert json.loads(command("status", run_id, "-o", "json").stdout)["state"] == "Succeeded"


def test_disconnect(command: Command, arcway: Arcway, cluster: SimulatedCluster, tmp_path: Path) -> None:
    objects_before = cluster.objects()
    named = ("-n", f"cli-{cluster.name}", "-g", "cli", "--subscription", arcway.subscription)
    file = ("--kube-config", kubeconfig_of(cluster, tmp_path))
    assert command("connect", *named, "-l", "eastus", *file, "--quiet").returncode == 0
    # There is no user to ask.
    prompted = command("disconnect", *named, *file)
    assert (prompted.returncode, "--yes" in prompted.stderr) == (2, True), prompted.stderr
    plan = command("disconnect", *named, *file, "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert f"would remove connected cluster cli-{cluster.name}" in plan.stdout
    assert command("show", *named).returncode == 0
    completed = command("disconnect", *named, *file, "--yes")
    assert completed.returncode == 0, completed.stderr
    assert f"cli-{cluster.name}: connected cluster deleted, agents removed." in completed.stdout
    assert "uninstallAgents: Succeeded uninstalled" in completed.stderr
    assert command("show", *named).returncode == 5
    assert cluster.objects() == objects_before
    repeated = command("disconnect", *named, *file, "--yes", "-o", "json")
    assert repeated.returncode == 0, repeated.stderr
    output = json.loads(repeated.stdout)
    assert (output["resource"], output["agents"], output["changed"], output["leftovers"]) == (
        "absent",
        "absent",
        False,
        [],
    )
    assert "Nothing was changed." in command("disconnect", *named, "--azure-only", "--yes").stdout


def test_update_and_upgrade(command: Command, arcway: Arcway, cluster: SimulatedCluster, tmp_path: Path) -> None:
    named = ("-n", f"cli-{cluster.name}", "-g", "cli", "--subscription", arcway.subscription)
    file = ("--kube-config", kubeconfig_of(cluster, tmp_path))
    connect = ("connect", *named, "-l", "eastus", *file, "--quiet", "--proxy-https", "http://proxy:3128")
    assert command(*connect).returncode == 0
    # Tags need no cluster: there is no kubeconfig where one is looked for.
    completed = command("update", *named, "--tags", "a=b", "--tags", "c=d", "--remove-tag", "c", "-o", "json")
    assert completed.returncode == 0, completed.stderr
    output = json.loads(completed.stdout)
    assert (output["tags"], output["changed"]) == ({"a": "b"}, True)
    repeated = command("update", *named, "--tags", "a=b")
    assert (repeated.returncode, "Nothing was changed." in repeated.stderr) == (0, True), repeated.stderr
    assert f"cli-{cluster.name}" in repeated.stdout
    refused = command("upgrade", *named, *file)
    assert (refused.returncode, "arcway update --auto-upgrade false" in refused.stderr) == (1, True), refused.stderr
    options = ("--auto-upgrade", "false", "--disable-proxy", "--azure-hybrid-benefit", "True", "--tags", "")
    plan = command("update", *named, *file, *options, "--dry-run")
    assert "would change global.httpsProxy of release azure-arc" in plan.stdout, plan.stderr
    completed = command("update", *named, *file, *options, "-o", "json", "--quiet")
    output = json.loads(completed.stdout)
    assert (output["tags"], output["azureHybridBenefit"]) == ({}, "True")
    assert output["arcAgentProfile"]["agentAutoUpgrade"] == "Disabled"
    completed = command("upgrade", *named, *file, "--agent-version", "1.36.2", "-o", "json")
    assert (completed.returncode, json.loads(completed.stdout)["changed"]) == (0, False), completed.stderr
    assert "upgradeAgents: Succeeded" in completed.stderr


def test_check_changes_nothing(command: Command, arcway: Arcway, cluster: SimulatedCluster, tmp_path: Path) -> None:
    objects_before = cluster.objects()
    arguments = ("-n", "checked", "-g", "cli", "-l", "eastus", "--subscription", arcway.subscription)
    completed = command("check", *arguments, "--kube-config", kubeconfig_of(cluster, tmp_path))
    assert completed.returncode == 0, completed.stderr
    assert "would install release azure-arc" in completed.stdout
    assert cluster.objects() == objects_before


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("connect",), 2, "--resource-group"),
        (("connect", "-g", "g", "-l", "eastus"), 2, "either --name or --all-contexts"),
        (("connect", "--all-contexts", "-n", "x", "-g", "g", "-l", "eastus"), 2, "either --name or --all-contexts"),
        (("fleet", "show", "nope"), 5, Code.FLEET_NOT_FOUND),
        (("fleet", "apply", "-f", "/no/such/file"), 2, "/no/such/file"),
        (("fleet", "set", "nope", "--window", "0"), 2, "window"),
        (("connect", "-n", "-x", "-g", "g", "-l", "eastus", "--kubeconfig-secret", "arcway-x"), 2, "name:"),
        (
            ("connect", "-n", "x", "-g", "g", "-l", "eastus", "--kube-config", "/no/such/file"),
            2,
            Code.KUBECONFIG_INVALID,
        ),
        (("connect", "-n", "x", "-g", "g", "-l", "eastus", "--kubeconfig-secret", "arcway-x"), 1, Code.SECRET_UNUSABLE),
        (
            ("check", "-n", "x", "-g", "g", "-l", "eastus", "--kube-config", "/dev/null"),
            2,
            Code.KUBECONFIG_CONTEXT_NOT_FOUND,
        ),
        (("disconnect", "-n", "-x", "-g", "g", "--azure-only", "--yes"), 2, "name:"),
        (("disconnect", "-n", "x", "-g", "g", "--kube-config", "/no/such/file", "--yes"), 2, Code.KUBECONFIG_INVALID),
        (("update", "-n", "x", "-g", "g"), 2, "nothing to update"),
        (("update", "-n", "x", "-g", "g", "--tags", "a"), 2, "name=value"),
        (("update", "-n", "x", "-g", "g", "--proxy-cert", "/no/such/file"), 2, "/no/such/file"),
        (("update", "-n", "x", "-g", "g", "--auto-upgrade", "maybe"), 2, "maybe"),
        (("upgrade", "-n", "x", "-g", "g", "--kubeconfig-secret", "arcway-x", "--upgrade-timeout", "1"), 2, "upgradeT"),
        (("show", "-n", "nope", "-g", "nope"), 5, Code.CONNECTED_CLUSTER_NOT_FOUND),
        (("status", "nope"), 5, Code.RUN_NOT_FOUND),
        (("list", "--server", "http://127.0.0.1:1", "--subscription", "x"), 1, "does not respond"),
    ],
)
def test_errors_are_sentences_with_exit_codes(
    command: Command, arguments: tuple[str, ...], code: int, message: str
) -> None:
    completed = command(*arguments)
    assert completed.returncode == code, completed.stderr
    assert message in completed.stderr
    assert "Traceback" not in completed.stderr


def test_the_stack_of_this_folder_can_be_up_once(command: Command) -> None:
    completed = command("up")
    assert completed.returncode == 6, completed.stderr
    assert "up already" in completed.stderr


def test_every_command_explains_itself_with_an_example() -> None:
    for name in (
        "connect",
        "disconnect",
        "update",
        "upgrade",
        "agents",
        "check",
        "status",
        "show",
        "list",
        "cancel",
        "retry",
        "up",
        "down",
        "demo",
    ):
        messages = CliRunner().invoke(app, [name, "--help"])
        assert (messages.exit_code, "Example: arcway" in messages.stdout) == (0, True), messages.output


def _commands(group: click.Group) -> Iterator[click.Command]:
    for command in group.commands.values():
        yield from _commands(command) if isinstance(command, click.Group) else [command]


def test_every_option_has_help_and_no_example_breaks_inside_an_option() -> None:
    for command in _commands(cast(click.Group, typer.main.get_command(app))):
        options = [parameter for parameter in command.params if isinstance(parameter, click.Option)]
        assert [option.name for option in options if not option.help] == [], command.name
        narrow = click.Context(command, terminal_width=60)
        example = (command.callback.__doc__ or "").partition("Example: ")[2] if command.callback else ""
        assert example in command.get_help(narrow), command.name
        assert len(f"  Example: {example}") <= 80, command.name

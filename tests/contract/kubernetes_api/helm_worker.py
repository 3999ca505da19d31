"""Runs Helm actions in a process of its own: reads orders from stdin, answers one line of JSON per order.

Started through a link named `helm`, because Helm's field manager is the base name of argv[0].
"""

import json
import os
import sys
from typing import Any

import helm_python
from helm_python import _native


def _config(kubeconfig: str, namespace: str) -> tuple[helm_python.Config, int]:
    descriptor = os.memfd_create("kubeconfig")
    os.write(descriptor, kubeconfig.encode())
    return helm_python.Config(kubeconfig_path=f"/proc/self/fd/{descriptor}", namespace=namespace), descriptor


def _run(config: helm_python.Config, order: dict[str, Any]) -> Any:
    action, arguments = order["action"], order.get("arguments", {})
    if action == "uninstall_without_hooks":
        options = json.dumps({"disable_hooks": True, **arguments})
        return json.loads(_native.call_string("helm_uninstall", config._raw(), order["name"], options))
    if action == "install":
        return config.install(order["chart"], order["name"], **arguments)
    if action == "upgrade":
        return config.upgrade(order["chart"], order["name"], **arguments)
    return getattr(config, action)(order["name"], **arguments)


def main() -> None:
    setup = json.loads(sys.stdin.readline())
    config, descriptor = _config(setup["kubeconfig"], setup["namespace"])
    with config:
        for line in sys.stdin:
            try:
                answer = {"result": _run(config, json.loads(line))}
            except helm_python.HelmError as error:
                answer = {"error": type(error).__name__, "message": str(error)}
            sys.stdout.write(json.dumps(answer) + "\n")
            sys.stdout.flush()
    os.close(descriptor)


if __name__ == "__main__":
    main()

"""Every HTTP function of the app, asked without a token through Microsoft's worker library: who answers what."""

import json
import os
import subprocess
import sys
from pathlib import Path

from arcway.domain.codes import Code

ROOT = Path(__file__).parents[3]

# Open to all, each for a reason: it tells nothing, or it is how people sign in.
OPEN = {
    "health",
    "openapi_json",
    "zz_path",
    "page_callback",
    "page_sign_in",
    "page_sign_out",
    "page_static_zz_file",
}
TO_SIGN_IN = ["302", "/api/page/sign-in?to=%2Fapi%2Fx", None]

_ASK = """
import asyncio, json, re, sys
from pathlib import Path
from arcway_local.functions import protos
from arcway_local.functions.host import client_configuration
from arcway_local.functions.settings import load_host_json
from arcway_local.functions.worker import Worker
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
async def main():
    app, worker, seen = Path(sys.argv[1]), Worker(), {}
    await worker.load(app)
    settings = load_host_json(app)
    worker.client_configuration = client_configuration(settings, "http://127.0.0.1:1", "127.0.0.1:1", "code=x")
    for function in worker.functions:
        if function.trigger["type"] != "httpTrigger":
            continue
        answers = seen[function.name] = {"level": str(function.trigger["authLevel"]), "answers": {}}
        for method in METHODS if function.name not in sys.argv[2].split(",") else ():
            url, body = "https://arcway.example/api/x", protos.TypedData(bytes=b"{}")
            request = protos.RpcHttp(method=method, url=url, headers={}, query={}, params={}, body=body)
            http = (await worker.invoke(function, protos.TypedData(http=request))).http
            headers = {name.lower(): value for name, value in http.headers.items()}
            if function.name.startswith("page"):
                code = headers.get("location") or re.search(rb"<code>(.*?)</code>", http.body.bytes)[1].decode()
            else:
                code = json.loads(http.body.bytes).get("code")
            answers["answers"][method] = [str(http.status_code), code, headers.get("www-authenticate")]
    print(json.dumps(seen))
asyncio.run(main())
"""


def test_every_route_asks_for_a_token() -> None:
    environment = {
        "PATH": os.defpath,
        "PYTHONPATH": str(ROOT),
        "ARCWAY_TENANT_ID": "99999999-8888-7777-6666-555555555555",
        "ARCWAY_CLIENT_ID": "cccccccc-4444-5555-6666-777777777777",
    }
    completed = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", _ASK, str(ROOT), ",".join(OPEN)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=ROOT,
        timeout=240,
        check=False,
    )
    assert completed.returncode == 0, completed.stderr
    observed = json.loads(completed.stdout)
    assert observed.keys() > OPEN
    for name, function in observed.items():
        assert function["level"] == "ANONYMOUS", name
        answers = list(function["answers"].values())
        page = name.startswith("page")
        # A browser is not asked for a token: it is sent to the sign-in, or told that its form came too late.
        unknown = (TO_SIGN_IN, ["401", Code.NOT_SIGNED_IN, None]) if page else (["401", Code.NOT_SIGNED_IN, "Bearer"],)
        assert name in OPEN or any(answer in unknown for answer in answers), name
        refused = (*unknown, ["405", Code.METHOD_NOT_ALLOWED, None])
        assert [answer for answer in answers if answer not in refused] == [], name


def test_the_app_does_not_start_where_any_caller_could_use_it() -> None:
    environment = {"PATH": os.defpath, "PYTHONPATH": str(ROOT), "WEBSITE_HOSTNAME": "arcway.azurewebsites.net"}
    for settings in ({}, {"ARCWAY_LOCAL": "1"}):
        completed = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", "import function_app"],
            capture_output=True,
            text=True,
            env={**environment, **settings},
            cwd=ROOT,
            timeout=240,
            check=False,
        )
        assert completed.returncode != 0
        assert "ARCWAY_TENANT_ID and ARCWAY_CLIENT_ID must be set" in completed.stderr


def test_the_embedded_host_says_where_it_listens_whatever_its_environment_says() -> None:
    host = ["-m", "arcway_local.functions", "--app", str(ROOT), "--host", "0.0.0.0", "--port", "0"]
    completed = subprocess.run(
        [sys.executable, *host],
        capture_output=True,
        text=True,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "ARCWAY_LOCAL": "1", "WEBSITE_HOSTNAME": "127.0.0.1"},
        timeout=240,
        check=False,
    )
    assert completed.returncode == 2, completed.stderr
    assert "ARCWAY_TENANT_ID and ARCWAY_CLIENT_ID must be set" in completed.stderr

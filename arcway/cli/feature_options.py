"""Options for features of a connected cluster. Names follow `az connectedk8s`; see docs/adr/0035-features.md."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import typer

from arcway.cli.client import USAGE, CommandError
from arcway.domain.json_values import Json

_CLUSTER_CONNECT, _CUSTOM_LOCATIONS, _AZURE_RBAC = NAMES = ("cluster-connect", "custom-locations", "azure-rbac")
_SEPARATORS = re.compile(r"[,\s]+")


@dataclass(frozen=True, slots=True)
class FeatureOptions:
    """Which features of a connected cluster are turned on and off; what no option names stays unchanged."""

    enable: Annotated[
        list[str] | None,
        typer.Option(
            "--enable-features",
            help="Features to turn on: cluster-connect, custom-locations, azure-rbac; comma-separated or repeated.",
        ),
    ] = None
    disable: Annotated[
        list[str] | None,
        typer.Option("--disable-features", help="Features to turn off: the same names."),
    ] = None
    custom_locations_oid: Annotated[
        str | None,
        typer.Option(
            "--custom-locations-oid",
            help="Object id of Azure's service principal for custom locations in your tenant; turns them on.",
        ),
    ] = None
    skip_azure_rbac_list: Annotated[
        str | None,
        typer.Option(
            "--skip-azure-rbac-list", help="Comma-separated users that Azure is not asked about, with azure-rbac."
        ),
    ] = None
    oidc_issuer: Annotated[
        bool | None, typer.Option("--enable-oidc-issuer/--disable-oidc-issuer", help="OIDC issuer of the cluster.")
    ] = None
    self_hosted_issuer: Annotated[
        str | None,
        typer.Option("--self-hosted-issuer", help="URL of the cluster's own issuer; required for EKS, GKE and AKS."),
    ] = None
    workload_identity: Annotated[
        bool | None,
        typer.Option(
            "--enable-workload-identity/--disable-workload-identity",
            "--enable-wi/--disable-wi",
            help="Workload identity for pods.",
        ),
    ] = None
    gateway: Annotated[
        str | None, typer.Option("--gateway-resource-id", help="Resource id of the Azure Arc gateway to use.")
    ] = None
    disable_gateway: Annotated[bool, typer.Option("--disable-gateway", help="Use no gateway.")] = False
    private_link_scope: Annotated[
        str | None,
        typer.Option(
            "--private-link-scope-resource-id", "--pls-arm-id", help="Resource id of the private link scope to use."
        ),
    ] = None
    disable_private_link: Annotated[bool, typer.Option("--disable-private-link", help="Use no private link.")] = False


def features(options: FeatureOptions) -> Json | None:
    """The request's part; None when no option was given. Raises `CommandError` for options that contradict."""
    on, off = _names("--enable-features", options.enable), _names("--disable-features", options.disable)
    if options.custom_locations_oid is not None and _CUSTOM_LOCATIONS not in on:
        on.append(_CUSTOM_LOCATIONS)
    if options.skip_azure_rbac_list is not None and _AZURE_RBAC not in on:
        raise CommandError(f"--skip-azure-rbac-list needs --enable-features {_AZURE_RBAC}.", USAGE)
    if both := [name for name in on if name in off]:
        raise CommandError(f"{', '.join(both)} cannot be both enabled and disabled.", USAGE)
    issuer = {"enabled": options.oidc_issuer, "selfHostedIssuerUrl": options.self_hosted_issuer}
    if options.self_hosted_issuer is not None and options.oidc_issuer is None:
        issuer["enabled"] = True
    fields: Json = {
        "clusterConnect": _switch(_CLUSTER_CONNECT, on, off),
        "customLocations": _object(_switch(_CUSTOM_LOCATIONS, on, off), objectId=options.custom_locations_oid),
        "azureRbac": _object(_switch(_AZURE_RBAC, on, off), skipAuthorizationFor=_list(options.skip_azure_rbac_list)),
        "oidcIssuer": {name: value for name, value in issuer.items() if value is not None} or None,
        "workloadIdentity": options.workload_identity,
        "gateway": _link("gateway", "resourceId", options.gateway, disable=options.disable_gateway),
        "privateLink": _link(
            "private-link", "scopeResourceId", options.private_link_scope, disable=options.disable_private_link
        ),
    }
    return {name: value for name, value in fields.items() if value is not None} or None


def _names(option: str, texts: Sequence[str] | None) -> list[str]:
    names = [name for text in texts or () for name in _SEPARATORS.split(text.strip()) if name]
    if wrong := [name for name in names if name not in NAMES]:
        raise CommandError(f"{option} does not know {', '.join(wrong)}; it knows {', '.join(NAMES)}.", USAGE)
    return list(dict.fromkeys(names))


def _switch(name: str, on: Sequence[str], off: Sequence[str]) -> bool | None:
    return True if name in on else False if name in off else None


def _object(enabled: bool | None, **fields: object) -> Json | None:
    if enabled is None:
        return None
    return {"enabled": enabled, **{name: value for name, value in fields.items() if value is not None}}


def _list(text: str | None) -> list[str] | None:
    return None if text is None else [item.strip() for item in text.split(",") if item.strip()]


def _link(name: str, field: str, target: str | None, *, disable: bool) -> Json | None:
    if target is not None and disable:
        raise CommandError(f"--disable-{name} cannot be given together with a resource id.", USAGE)
    if disable:
        return {"enabled": False}
    return None if target is None else {field: target}

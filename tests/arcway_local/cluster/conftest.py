"""A running set of simulated clusters in this process, and a client for one of them."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import yaml

from arcway_local.certificates import CertificateAuthority
from arcway_local.cluster.server import SimulatedClusters


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> CertificateAuthority:
    return CertificateAuthority.open(tmp_path_factory.mktemp("authority"))


@pytest.fixture
async def clusters(tmp_path: Path, authority: CertificateAuthority) -> AsyncIterator[SimulatedClusters]:
    async with SimulatedClusters(tmp_path / "clusters", 2, authority=authority) as running:
        yield running


@pytest.fixture
def tls(authority: CertificateAuthority) -> ssl.SSLContext:
    return ssl.create_default_context(cadata=authority.certificate_pem.decode())


@pytest.fixture
async def http(clusters: SimulatedClusters, tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client of cluster-001 as its admin."""
    config = yaml.safe_load(await asyncio.to_thread(Path(clusters.kubeconfig_path("cluster-001")).read_text))
    headers = {"Authorization": f"Bearer {config['users'][0]['user']['token']}"}
    server = config["clusters"][0]["cluster"]["server"]
    async with httpx.AsyncClient(base_url=server, verify=tls, headers=headers, timeout=240, trust_env=False) as client:
        yield client


@pytest.fixture
async def control(clusters: SimulatedClusters, tls: ssl.SSLContext) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the control API."""
    async with httpx.AsyncClient(base_url=clusters.control, verify=tls, timeout=240, trust_env=False) as client:
        yield client

"""No pod may more than it has to, and the network rules are Terraform's table, seen from the pods."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from stack.services import SERVICES
from tests.deploy.hcl import TERRAFORM
from tests.deploy.helm import BUILD_SECONDS_MAX, CHART, VALUES, Manifest, manifests, of_kind, one, template
from tests.deploy.policy import INSTALL_SECONDS_MAX, RUN_SECONDS_MAX, chart_findings
from tests.deploy.test_security import flow_table

pytestmark = pytest.mark.timeout(BUILD_SECONDS_MAX)
KINDS = ("Deployment", "StatefulSet", "Job")


@pytest.fixture(params=VALUES)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def workloads(environment: str) -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Yield each workload's name, pod and container."""
    for kind in KINDS:
        for each in of_kind(environment, kind):
            pod = each["spec"]["template"]["spec"]
            (container,) = pod["containers"]
            yield each["metadata"]["name"], pod, container


def test_nobody_is_root_or_can_become_it(environment: str) -> None:
    for name, pod, container in workloads(environment):
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] >= 10_000, name
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
        assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
        assert pod["automountServiceAccountToken"] is False, name


def test_everything_is_bounded(environment: str) -> None:
    for name, pod, container in workloads(environment):
        assert set(container["resources"]["limits"]) == {"cpu", "memory"}, name
        assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"], (
            name
        )
        for volume in pod["volumes"]:
            assert "emptyDir" not in volume or volume["emptyDir"]["sizeLimit"], name


def test_an_image_means_the_same_tomorrow(environment: str) -> None:
    for name, _, container in workloads(environment):
        assert re.search(r"(:[\w.-]+|@sha256:[0-9a-f]{64})$", container["image"]), name
        assert not container["image"].endswith(":latest"), name


@pytest.mark.timeout(BUILD_SECONDS_MAX + INSTALL_SECONDS_MAX + RUN_SECONDS_MAX)
def test_each_finding_of_checkov_is_mended_or_explained(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("manifests")
    (folder / "prod.yaml").write_text(template("prod"))
    explained = yaml.safe_load((CHART / "findings.yaml").read_text())
    found = chart_findings(folder, CHART / "images")
    assert sorted(found - set(explained)) == [], "mend it, or say in helm/findings.yaml why it is left so"
    assert sorted(set(explained) - found) == [], "nothing finds this any more"


# --- Who talks to whom ------------------------------------------------------------------------------------


def policies(environment: str) -> dict[str, Manifest]:
    return {each["metadata"]["name"]: each["spec"] for each in of_kind(environment, "NetworkPolicy")}


def ports(rules: list[dict[str, Any]]) -> set[int]:
    return {port["port"] for rule in rules for port in rule["ports"]}


def test_nothing_is_let_through_by_default(environment: str) -> None:
    default = policies(environment)["nothing-by-default"]
    assert default == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


def test_every_pod_has_a_policy_of_its_own(environment: str) -> None:
    names = {name for name, _, _ in workloads(environment)}
    assert names <= set(policies(environment))
    for name in names:
        own = policies(environment)[name]
        assert own["podSelector"]["matchLabels"]["app.kubernetes.io/name"] == name
        assert own["policyTypes"] == ["Ingress", "Egress"]


def terraform_stores() -> dict[str, int]:
    """Return the port of each store that the cluster may reach."""
    stores = ("event_store", "kafka", "cache", "documents")
    return {
        flow["to"]: int(flow["port"])
        for name, flow in flow_table().items()
        if name.startswith("to_") and flow["from"] == "cluster" and flow["to"] in stores
    }


def test_pods_leave_for_the_stores_of_terraforms_table_and_for_names(environment: str) -> None:
    out = {port for each in policies(environment).values() for port in ports(each.get("egress", []))}
    assert out == {*terraform_stores().values(), 53}


def test_each_service_leaves_for_its_own_stores_alone(environment: str) -> None:
    called = {"postgres": "event_store", "kafka": "kafka", "redis": "cache", "mongo": "documents"}
    table = yaml.safe_load((CHART / "values.yaml").read_text())["services"]
    for name, service in table.items():
        wanted = {terraform_stores()[called[store]] for store in service["stores"]}
        assert ports(policies(environment)[name]["egress"]) == wanted, name


def test_pods_are_reached_where_the_load_balancer_reaches_them(environment: str) -> None:
    edge = (TERRAFORM / "modules" / "edge" / "main.tf").read_text()
    reached = {name: int(port) for name, port in re.findall(r"(\w+)\s+= \{ port = (\d+), priority", edge)}
    assert reached
    bindings = {
        each["metadata"]["name"]: each["spec"]["targetGroupARN"].split("/")[1].rpartition("-")[2]
        for each in of_kind(environment, "TargetGroupBinding")
    }
    assert bindings == {
        "command-api": "command",
        "query-api": "query",
        "identity": "identity",
        "market-data": "market",
    }
    for name, policy in policies(environment).items():
        incoming = ports(policy.get("ingress", []))
        assert incoming == ({reached[bindings[name]]} if name in bindings else set()), name


def test_the_network_is_the_one_that_terraform_says() -> None:
    policy = one("prod", "NetworkPolicy", "query-api", "--set", "network.cidr=10.9.0.0/16")["spec"]
    blocks = [peer["ipBlock"]["cidr"] for rule in policy["egress"] for peer in rule["to"]]
    assert set(blocks) == {"10.9.0.0/16"}


# --- Roles and secrets ------------------------------------------------------------------------------------


def test_who_has_a_role_in_terraform_has_the_service_account_of_that_name(environment: str) -> None:
    text = (TERRAFORM / "modules" / "identity" / "main.tf").read_text()
    roles = set(re.findall(r"^    ([\w-]+) = \[$", text, re.MULTILINE))
    assert "auditor" in roles
    ours = {each["metadata"]["name"] for each in of_kind(environment, "ServiceAccount")}
    assert ours & roles == {"auditor"}
    services = {"prepare", *(service.name for service in SERVICES)}
    assert ours == services, "each service its own, and none is shared"


def test_the_secrets_are_those_that_the_controller_may_read(environment: str) -> None:
    arns = {
        data["remoteRef"]["key"]
        for each in of_kind(environment, "ExternalSecret")
        for data in each["spec"]["data"]
    }
    assert len(arns) == 4
    named = {each["metadata"]["name"] for each in of_kind(environment, "ExternalSecret")}
    asked = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for _, _, container in workloads(environment)
        for variable in container["env"]
        if "secretKeyRef" in variable.get("valueFrom", {})
    }
    assert asked - named == {"oms-keys"}


def test_no_secret_is_in_a_manifest(environment: str) -> None:
    assert not any(each["kind"] == "Secret" for each in manifests(environment))

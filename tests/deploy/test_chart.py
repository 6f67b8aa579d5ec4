"""The chart makes manifests that a cluster would take, of services that exist, and no others."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.service import RUNNERS
from stack.services import SERVICES
from stack.settings import Settings
from streams.publisher import DELIVERY_MS_MAX
from tests.deploy.hcl import TERRAFORM, Module
from tests.deploy.helm import (
    AWS,
    BUILD_SECONDS_MAX,
    CHART,
    VALUES,
    Manifest,
    files,
    helm,
    kubernetes_version,
    manifests,
    of_kind,
    one,
    program,
    template,
)
from tests.deploy.policy import INSTALL_SECONDS_MAX, packages
from tests.deploy.resources import FETCH_SECONDS_MAX, schemas

pytestmark = pytest.mark.timeout(BUILD_SECONDS_MAX + INSTALL_SECONDS_MAX)
VALIDATE_SECONDS_MAX = 120
HERE = Path(__file__).parent
POD_KINDS = ("Deployment", "StatefulSet", "Job")
METRICS = ("--set-json", 'services.query-api.metrics={"port": 9000, "path": "/metrics"}')


@pytest.fixture(params=VALUES)
def environment(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def workloads(environment: str) -> list[Manifest]:
    return [each for kind in POD_KINDS for each in of_kind(environment, kind)]


def pod(workload: Manifest) -> dict[str, Any]:
    return dict(workload["spec"]["template"]["spec"])


def container(workload: Manifest) -> dict[str, Any]:
    (only,) = pod(workload)["containers"]
    return dict(only)


# --- As a cluster would look at it ------------------------------------------------------------------------


def test_helm_finds_nothing_to_complain_about(environment: str) -> None:
    helm("lint", "--strict", CHART, *files(environment))


@pytest.mark.timeout(BUILD_SECONDS_MAX + INSTALL_SECONDS_MAX + 5 * FETCH_SECONDS_MAX)
@pytest.mark.parametrize("more", [(), METRICS], ids=["as it is", "with metrics"])
def test_each_manifest_is_what_its_schema_says(environment: str, more: tuple[str, ...]) -> None:
    assert faults(manifests(environment, *more)) == []


def test_what_no_schema_knows_is_found() -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"portz": []}}
    scaled = {**one("prod", "ScaledObject", "read-models"), "metadata": {"name": "b"}, "spec": {"x": 1}}
    wrong: list[Manifest] = [service, scaled]
    found = "\n".join(faults(wrong))
    assert "Service a" in found
    assert "portz" in found
    assert "ScaledObject b" in found


def faults(given: list[Manifest]) -> list[str]:
    asked = {"version": kubernetes_version(), "manifests": given, "schemas": schemas()}
    done = subprocess.run(
        [sys.executable, str(HERE / "validating.py")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        timeout=VALIDATE_SECONDS_MAX,
        check=True,
        env={"PYTHONPATH": str(packages())},
    )
    return list(json.loads(done.stdout))


GOLDEN = [
    ("Deployment", "command-api"),
    ("StatefulSet", "order-processor"),
    ("NetworkPolicy", "order-processor"),
    ("ScaledObject", "read-models"),
    ("ExternalSecret", "event-store"),
]


@pytest.mark.parametrize(("kind", "name"), GOLDEN)
def test_the_important_ones_are_as_they_were_looked_at(kind: str, name: str) -> None:
    """After a change that is meant: delete the file in golden/, run this twice, and look at what came."""
    path = HERE / "golden" / f"{kind}-{name}.yaml"
    made = yaml.safe_dump(one("prod", kind, name), sort_keys=True)
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(made)
        pytest.fail(f"{path.name} was not there and is written now: look at it, and commit it")
    assert made == path.read_text()


# --- Values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("image.tag=latest", "image/tag"),
        ("shard=2", "shard"),
        ("services.order-processor.replicaz=2", "replicaz"),
        ("services.query-api.resources.memory=lots", "memory"),
        ("services.query-api.stores[0]=oracle", "stores"),
        ("stores.mongo.ca=some.pem", "ca"),
    ],
)
def test_a_wrong_value_is_refused_by_name(wrong: str, said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        template("prod", "--set", wrong)


def test_without_an_image_it_says_what_to_do() -> None:
    with pytest.raises(AssertionError, match=r"image\.tag is missing: --set image\.tag="):
        template("prod", "--set", "image.tag=")


def test_a_digest_takes_the_place_of_the_tag() -> None:
    digest = "sha256:" + "a" * 64
    made = one("prod", "Deployment", "query-api", "--set", f"image.digest={digest}")
    assert container(made)["image"].endswith(f"/services@{digest}")


def test_terraform_gives_what_the_chart_takes() -> None:
    """The sample that these tests use has the keys of the output, level by level."""
    body = Module(TERRAFORM / "oms").named("output")["helm_values"]["value"]

    def keys(value: Any) -> Any:
        return (
            {key.strip('"'): keys(each) for key, each in value.items()} if isinstance(value, dict) else None
        )

    def pruned(sample: Any, like: Any) -> Any:
        if like is None:
            return None
        assert isinstance(sample, dict)
        assert set(sample) == set(like)
        return {key: pruned(sample[key], like[key]) for key in like}

    assert pruned(json.loads(AWS.read_text()), keys(body)) == keys(body)


# --- Services ---------------------------------------------------------------------------------------------


def test_every_service_that_exists_has_a_workload_and_no_other(environment: str) -> None:
    assert {container(each)["args"][0] for each in workloads(environment)} == {
        "prepare",
        *(service.name for service in SERVICES),
    }
    assert {container(each)["args"][0] for each in workloads(environment)} <= set(RUNNERS)


def test_each_variable_is_a_setting(environment: str) -> None:
    for workload in workloads(environment):
        names = [each["name"] for each in container(workload)["env"]]
        assert len(names) == len(set(names))
        unknown = {name for name in names if name.removeprefix("OMS_").lower() not in Settings.model_fields}
        assert unknown == set(), workload["metadata"]["name"]


@pytest.mark.parametrize("workload", ["command-api", "query-api"])
def test_a_pods_environment_makes_settings(
    workload: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for each in container(one("prod", "Deployment", workload))["env"]:
        monkeypatch.setenv(each["name"], each.get("value", "from-a-secret-of-32-bytes-or-more"))
    settings = Settings.load(tmp_path)
    assert settings.api_host == "0.0.0.0"  # noqa: S104 - in a pod, behind TLS
    if workload == "command-api":
        assert settings.kafka_bootstrap.startswith("SASL_SSL://from-a-secret")
        assert settings.redis_url.startswith("rediss://from-a-secret")
    else:
        assert "tls=true&retryWrites=false&tlsCAFile=" in settings.mongo_url


def test_passwords_come_from_secrets_alone(environment: str) -> None:
    secret = re.compile(r"PASSWORD|SECRET|KEY|USER")
    for workload in workloads(environment):
        for each in container(workload)["env"]:
            if secret.search(each["name"]) and each["name"] != "OMS_API_KEY":
                assert "secretKeyRef" in each["valueFrom"], each["name"]


def test_no_service_is_taken_for_a_setting(environment: str) -> None:
    """Kubernetes would say OMS_..._PORT=tcp://... to every pod if a service were named so."""
    assert all(pod(each)["enableServiceLinks"] is False for each in workloads(environment))


def test_a_processors_instance_is_its_pods_name() -> None:
    (instance,) = (
        each
        for each in container(one("prod", "StatefulSet", "order-processor"))["env"]
        if each["name"] == "OMS_PROCESSOR_INSTANCE"
    )
    assert instance["valueFrom"] == {"fieldRef": {"fieldPath": "metadata.name"}}


def test_there_is_a_processor_for_each_shard_and_a_standby() -> None:
    assert one("prod", "StatefulSet", "order-processor")["spec"]["replicas"] == 2
    assert one("prod", "StatefulSet", "order-processor", "--set", "shards=3")["spec"]["replicas"] == 4
    assert one("dev", "StatefulSet", "order-processor")["spec"]["replicas"] == 1


def test_processors_change_one_after_the_other_with_time_to_finish() -> None:
    made = one("prod", "StatefulSet", "order-processor")
    assert made["spec"]["updateStrategy"]["type"] == "RollingUpdate"
    assert made["spec"]["podManagementPolicy"] == "OrderedReady"
    assert made["spec"]["minReadySeconds"] > 0
    assert pod(made)["terminationGracePeriodSeconds"] > DELIVERY_MS_MAX / 1000


def test_a_service_without_kafka_is_told_nothing_of_kafka() -> None:
    names = {each["name"] for each in container(one("prod", "Deployment", "identity"))["env"]}
    assert not any("KAFKA" in name or "MONGO" in name for name in names)


def test_workers_are_never_more_than_partitions() -> None:
    for environment, partitions in (("dev", 4), ("prod", 12)):
        assert one(environment, "ScaledObject", "read-models")["spec"]["maxReplicaCount"] == partitions


@pytest.mark.parametrize(("values", "built"), [("dev", "small"), ("dev", "dev"), ("prod", "prod")])
def test_terraform_builds_as_many_brokers_as_there_are_copies(values: str, built: str) -> None:
    sizes = json.loads((TERRAFORM / "environments" / built / "sizes.json").read_text())
    variables = container(one(values, "Job", "prepare"))["env"]
    (replicas,) = (each["value"] for each in variables if each["name"] == "OMS_TOPIC_REPLICAS")
    assert int(replicas) == min(3, sizes["kafka"]["brokers"]), "as terraform/modules/kafka counts them"


def test_who_may_run_on_the_processors_nodes_is_sent_there() -> None:
    """The taint and the label are Terraform's: a letter's difference would leave the pod waiting for ever."""
    sizes = json.loads((TERRAFORM / "environments" / "prod" / "sizes.json").read_text())
    group = sizes["node_groups"]["processors"]
    placed = pod(one("prod", "StatefulSet", "order-processor"))
    assert placed["nodeSelector"] == group["labels"]
    (toleration,) = placed["tolerations"]
    assert (toleration["key"], toleration["value"]) == ("oms.io/only", group["taint"])


def test_who_is_scaled_has_no_number_of_its_own(environment: str) -> None:
    """Each upgrade would set it back."""
    scaled = [*of_kind(environment, "HorizontalPodAutoscaler"), *of_kind(environment, "ScaledObject")]
    assert len(scaled) == 6
    for each in scaled:
        target = each["spec"]["scaleTargetRef"]
        assert "replicas" not in one(environment, target["kind"], target["name"])["spec"]


def test_startup_covers_recovery_and_a_mark_of_before_is_gone(environment: str) -> None:
    probe = container(one(environment, "StatefulSet", "order-processor"))["startupProbe"]
    assert probe["periodSeconds"] * probe["failureThreshold"] >= 1_800
    assert probe["initialDelaySeconds"] >= 10
    assert probe["exec"]["command"][-1] == "/var/lib/oms/run/order-processor.ready"


def test_a_store_that_is_away_restarts_no_api(environment: str) -> None:
    for name in ("command-api", "query-api"):
        made = container(one(environment, "Deployment", name))
        assert made["readinessProbe"]["httpGet"]["path"] == "/health"
        assert made["livenessProbe"]["httpGet"]["path"] == "/schema/openapi.json"
        assert {made[probe]["httpGet"]["scheme"] for probe in ("readinessProbe", "livenessProbe")} == {
            "HTTPS"
        }


def test_tables_and_topics_come_before_an_upgrades_pods() -> None:
    (job,) = of_kind("prod", "Job")
    assert job["metadata"]["annotations"]["helm.sh/hook"] == "post-install,pre-upgrade"


def test_prometheus_looks_where_there_are_metrics() -> None:
    assert of_kind("prod", "ServiceMonitor") == []
    (monitor,) = of_kind("prod", "ServiceMonitor", *METRICS)
    assert monitor["spec"]["endpoints"][0]["path"] == "/metrics"


def test_helm_is_the_version_these_tests_were_written_with() -> None:
    assert "v3." in helm("version", "--short"), program()

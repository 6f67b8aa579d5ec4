"""What Terraform opens is what has to be open, and no role may do more than its service does."""

import json
import re
from typing import Any

import pytest

from tests.deploy.hcl import TERRAFORM, Declared, modules

RESOURCES = [resource for module in modules() for resource in module.resources()]
INTERNET = re.compile(r"0\.0\.0\.0/0|::/0")
STATEMENT = re.compile(r"\{[^{}]*\bEffect\b(?:[^{}]|\{[^{}]*\})*\}")


def of_kind(kind: str) -> list[Declared]:
    return [resource for resource in RESOURCES if resource.kind == kind]


# --- Ways in and out --------------------------------------------------------------------------------------


def test_security_groups_have_no_rules_of_their_own() -> None:
    """Each rule is a resource of its own: what a group lets through is found in one way."""
    inline = [
        str(group) for group in of_kind("aws_security_group") if {"ingress", "egress"} & set(group.body)
    ]
    assert inline == []


def test_from_the_internet_only_the_load_balancer_is_reached() -> None:
    open_to_all = [
        str(rule)
        for rule in of_kind("aws_vpc_security_group_ingress_rule")
        if INTERNET.search(json.dumps(rule.body)) or "allowed_cidrs" in json.dumps(rule.body)
    ]
    assert sorted(open_to_all) == [
        "modules/edge/main.tf: aws_vpc_security_group_ingress_rule.http",
        "modules/edge/main.tf: aws_vpc_security_group_ingress_rule.https",
    ]


def test_nothing_leaves_for_the_internet_but_https_from_the_cluster() -> None:
    rules = [
        rule
        for rule in of_kind("aws_vpc_security_group_egress_rule")
        if INTERNET.search(json.dumps(rule.body))
    ]
    assert [str(rule) for rule in rules] == [
        "modules/flows/main.tf: aws_vpc_security_group_egress_rule.to_internet"
    ]
    assert (rules[0].body["from_port"], rules[0].body["to_port"]) == (443, 443)


def test_stores_are_reached_by_the_cluster_alone() -> None:
    flows = flow_table()
    for store in ("event_store", "kafka", "cache", "documents"):
        assert {flow["from"] for flow in flows.values() if flow["to"] == store} == {"cluster"}, store


def test_each_flow_says_how_it_is_authenticated_and_encrypted() -> None:
    for name, flow in flow_table().items():
        assert flow["auth"], name
        assert re.match(r"1\.[23]|none: ", flow["tls"]), name
        if not flow["tls"].startswith("1.3"):
            assert ":" in flow["tls"], f"{name}: why is it not 1.3?"


def flow_table() -> dict[str, dict[str, str]]:
    """Return the flows to the stores as their lines in modules/flows say them."""
    text = (TERRAFORM / "modules" / "flows" / "main.tf").read_text()
    lines = re.findall(r"^    (\w+)\s+= \{ (from = .*) \}$", text, re.MULTILINE)
    assert len(lines) >= 7
    return {name: dict(re.findall(r'(\w+) = "?([^",]+(?:[^"]*)?)"?(?:,|$)', line)) for name, line in lines}


# --- IAM --------------------------------------------------------------------------------------------------


def statements() -> list[tuple[str, str]]:
    """Return each policy statement with the file it stands in."""
    return [
        (str(file.relative_to(TERRAFORM)), statement)
        for file in sorted(TERRAFORM.rglob("*.tf"))
        for statement in STATEMENT.findall(file.read_text())
    ]


def test_statements_are_found() -> None:
    assert len(statements()) > 20


def test_nobody_may_do_everything() -> None:
    """Only a key's own policy may: it gives the decision to the account's IAM, which otherwise has none."""
    wrong = [
        (file, said)
        for file, said in statements()
        if re.search(r'Action\s+= "(\*|\w+:\*)"', said) and "AccountDecidesByIam" not in said
    ]
    assert wrong == []


NARROWEST = re.compile(
    r"Describe|ecr:GetAuthorizationToken|cloudwatch:(GetMetricData|ListMetrics)|tag:GetResources|eks:Describe"
    r"|ec2:GetInstanceTypesFromInstanceRequirements"
)


@pytest.mark.parametrize(("file", "said"), statements(), ids=lambda value: value[:40])
def test_what_changes_something_names_what_it_may_change(file: str, said: str) -> None:
    if '"Deny"' in said or 'Resource = "*"' not in re.sub(r"Resource\s+=", "Resource =", said):
        return
    actions = re.findall(r'"(\w+:[\w*]+)"', said.partition("Condition")[0])
    conditioned = "Condition" in said
    beyond = [action for action in actions if not NARROWEST.search(action)]
    assert conditioned or not beyond or "AccountDecidesByIam" in said, f"{file}: {beyond}"


def test_whoever_signs_heads_can_remove_none() -> None:
    text = (TERRAFORM / "modules" / "identity" / "main.tf").read_text()
    auditor = text[text.index("auditor = [") : text.index("backup = [")]
    assert "PutObject" in auditor
    assert not re.search(r"Delete|Bypass|PutObjectRetention|PutBucket", auditor)


# --- Data at rest -----------------------------------------------------------------------------------------


def attribute(kind: str, name: str) -> list[Any]:
    found = [resource.body.get(name) for resource in of_kind(kind)]
    assert found, f"there is no {kind}"
    return found


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("aws_db_instance", "storage_encrypted"),
        ("aws_docdb_cluster", "storage_encrypted"),
        ("aws_elasticache_replication_group", "at_rest_encryption_enabled"),
        ("aws_elasticache_replication_group", "transit_encryption_enabled"),
        ("aws_kms_key", "enable_key_rotation"),
    ],
)
def test_it_is_on(kind: str, name: str) -> None:
    assert set(attribute(kind, name)) == {True}


@pytest.mark.parametrize(
    "kind",
    ["aws_db_instance", "aws_docdb_cluster", "aws_elasticache_replication_group", "aws_cloudwatch_log_group"],
)
def test_it_has_a_key_of_ours(kind: str) -> None:
    assert all("_key_arn}" in str(key) for key in attribute(kind, "kms_key_id"))


def test_every_bucket_is_closed_versioned_and_encrypted() -> None:
    for kind in (
        "public_access_block",
        "versioning",
        "server_side_encryption_configuration",
        "ownership_controls",
    ):
        where = {resource.file for resource in of_kind(f"aws_s3_bucket_{kind}")}
        assert where == {resource.file for resource in of_kind("aws_s3_bucket")}, kind


def test_stores_refuse_to_be_destroyed_in_prod() -> None:
    sizes = json.loads((TERRAFORM / "environments" / "prod" / "sizes.json").read_text())
    assert sizes["destroy_guard"] is True
    assert set(attribute("aws_db_instance", "deletion_protection")) == {"${var.destroy_guard}"}
    assert set(attribute("aws_docdb_cluster", "deletion_protection")) == {"${var.destroy_guard}"}


def test_acknowledged_is_on_disk() -> None:
    (group,) = of_kind("aws_db_parameter_group")
    wanted = {str(each["name"]).strip('"'): str(each["value"]).strip('"') for each in group.body["parameter"]}
    assert wanted["synchronous_commit"] == "on"
    assert wanted["rds.force_ssl"] == "1"

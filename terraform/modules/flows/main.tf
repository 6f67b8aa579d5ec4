# Who may talk to whom: each flow that exists is one line here, and gives both its rules, out of one security group
# and into the other. Everything else is refused. docs/flows.md is made from this table.

locals {
  stores = {
    to_event_store = { from = "cluster", to = "event_store", port = 5432, protocol = "PostgreSQL", auth = "user and password (SCRAM)", tls = "1.3" }
    to_kafka       = { from = "cluster", to = "kafka", port = 9096, protocol = "Kafka", auth = "user and password (SCRAM-SHA-512)", tls = "1.2: MSK offers no later one" }
    to_cache       = { from = "cluster", to = "cache", port = 6379, protocol = "Redis", auth = "user and password (ACL)", tls = "1.3" }
    to_documents   = { from = "cluster", to = "documents", port = 27017, protocol = "MongoDB", auth = "user and password (SCRAM)", tls = "1.2: DocumentDB offers no later one" }
    to_aws         = { from = "cluster", to = "endpoints", port = 443, protocol = "AWS APIs", auth = "IAM (pod identity)", tls = "1.3" }
    kafka_metrics  = { from = "cluster", to = "kafka", port = 11001, protocol = "Prometheus (JMX)", auth = "none: metrics alone, from within", tls = "none: MSK offers none there" }
    kafka_nodes    = { from = "cluster", to = "kafka", port = 11002, protocol = "Prometheus (node)", auth = "none: metrics alone, from within", tls = "none: MSK offers none there" }
  }
  services = {
    for service, port in var.ports : "edge_to_${service}" => {
      from = "edge", to = "cluster", port = port, protocol = "HTTPS", auth = "bearer token or API key", tls = "1.2: the load balancer's way to its targets"
    }
  }
  flows = merge(local.stores, local.services)
}

resource "aws_vpc_security_group_egress_rule" "this" {
  for_each = local.flows

  security_group_id            = var.members[each.value.from]
  referenced_security_group_id = var.members[each.value.to]
  description                  = "${each.value.protocol} to ${each.value.to}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  for_each = local.flows

  security_group_id            = var.members[each.value.to]
  referenced_security_group_id = var.members[each.value.from]
  description                  = "${each.value.protocol} from ${each.value.from}"
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port

  tags = { Name = "${var.name}-${each.key}" }
}

# Without private endpoints AWS's APIs are reached through NAT; feeds of other exchanges' prices always are.
resource "aws_vpc_security_group_egress_rule" "to_internet" {
  security_group_id = var.members["cluster"]
  description       = "HTTPS to the internet: price feeds, and AWS's APIs where there are no endpoints"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

# Images' layers and heads of the history, through the gateway endpoint.
resource "aws_vpc_security_group_egress_rule" "to_s3" {
  security_group_id = var.members["cluster"]
  description       = "S3"
  prefix_list_id    = var.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

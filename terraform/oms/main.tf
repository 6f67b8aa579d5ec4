# The whole system: each part a module, joined here.

data "aws_availability_zones" "here" {
  state = "available"

  filter {
    name   = "opt-in-status"
    values = ["opt-in-not-required"]
  }
}

data "aws_region" "here" {}

locals {
  zones = slice(data.aws_availability_zones.here.names, 0, var.sizes.zones)
}

module "keys" {
  source = "../modules/keys"

  name          = var.name
  deletion_days = var.sizes.destroy_guard ? 30 : 7
}

module "network" {
  source = "../modules/network"

  name              = var.name
  zones             = local.zones
  nat_per_zone      = var.sizes.nat_per_zone
  private_endpoints = var.sizes.private_endpoints
  flow_log_days     = var.sizes.log_days
  logs_key_arn      = module.keys.arns["logs"]
}

# --- Stores ---------------------------------------------------------------------------------------------

module "event_store" {
  source = "../modules/event-store"

  name            = var.name
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.private_subnet_ids
  engine_version  = var.sizes.event_store.engine_version
  instance_class  = var.sizes.event_store.instance_class
  multi_az        = var.sizes.event_store.multi_az
  disk_gib        = var.sizes.event_store.disk_gib
  disk_gib_max    = var.sizes.event_store.disk_gib_max
  iops            = var.sizes.event_store.iops
  backup_days     = var.sizes.event_store.backup_days
  destroy_guard   = var.sizes.destroy_guard
  log_days        = var.sizes.log_days
  logs_key_arn    = module.keys.arns["logs"]
  events_key_arn  = module.keys.arns["events"]
  secrets_key_arn = module.keys.arns["secrets"]
}

module "kafka" {
  source = "../modules/kafka"

  name          = var.name
  vpc_id        = module.network.vpc_id
  subnet_ids    = module.network.private_subnet_ids
  kafka_version = var.sizes.kafka.version
  instance_type = var.sizes.kafka.instance_type
  brokers       = var.sizes.kafka.brokers
  disk_gib      = var.sizes.kafka.disk_gib
  disk_gib_max  = var.sizes.kafka.disk_gib_max
  destroy_guard = var.sizes.destroy_guard
  log_days      = var.sizes.log_days
  logs_key_arn  = module.keys.arns["logs"]
  kafka_key_arn = module.keys.arns["kafka"]
}

module "cache" {
  source = "../modules/cache"

  name            = var.name
  vpc_id          = module.network.vpc_id
  subnet_ids      = module.network.private_subnet_ids
  node_type       = var.sizes.cache.node_type
  nodes           = var.sizes.cache.nodes
  snapshot_days   = var.sizes.cache.snapshot_days
  log_days        = var.sizes.log_days
  logs_key_arn    = module.keys.arns["logs"]
  cache_key_arn   = module.keys.arns["cache"]
  secrets_key_arn = module.keys.arns["secrets"]
}

module "documents" {
  source = "../modules/documents"

  name              = var.name
  vpc_id            = module.network.vpc_id
  subnet_ids        = module.network.private_subnet_ids
  instance_class    = var.sizes.documents.instance_class
  instances         = var.sizes.documents.instances
  backup_days       = var.sizes.documents.backup_days
  destroy_guard     = var.sizes.destroy_guard
  log_days          = var.sizes.log_days
  logs_key_arn      = module.keys.arns["logs"]
  documents_key_arn = module.keys.arns["documents"]
  secrets_key_arn   = module.keys.arns["secrets"]
}

module "objects" {
  source = "../modules/objects"

  name              = var.name
  objects_key_arn   = module.keys.arns["objects"]
  heads_locked_days = var.sizes.heads_locked_days
  lock_mode         = var.sizes.lock_mode
  backup_days       = var.sizes.event_store.backup_days
  log_days          = var.sizes.log_days
  destroy_guard     = var.sizes.destroy_guard
}

# --- Services -------------------------------------------------------------------------------------------

module "cluster" {
  source = "../modules/cluster"

  name                     = var.name
  subnet_ids               = module.network.private_subnet_ids
  kubernetes_version       = var.sizes.kubernetes_version
  node_groups              = var.sizes.node_groups
  admin_cidrs              = var.admin_cidrs
  admin_role_arns          = var.admin_role_arns
  deletion_protection      = var.sizes.destroy_guard
  log_days                 = var.sizes.log_days
  logs_key_arn             = module.keys.arns["logs"]
  cluster_key_arn          = module.keys.arns["cluster"]
  permissions_boundary_arn = var.permissions_boundary_arn
}

module "images" {
  source = "../modules/images"

  name           = var.name
  images_key_arn = module.keys.arns["images"]
  destroy_guard  = var.sizes.destroy_guard
}

module "identity" {
  source = "../modules/identity"

  name                     = var.name
  cluster_name             = module.cluster.name
  heads_bucket_arn         = module.objects.arns["heads"]
  backups_bucket_arn       = module.objects.arns["backups"]
  objects_key_arn          = module.keys.arns["objects"]
  permissions_boundary_arn = var.permissions_boundary_arn

  secrets = {
    event-store = { secret_arn = module.event_store.secret_arn, key_arn = module.keys.arns["secrets"] }
    kafka       = { secret_arn = module.kafka.secret_arn, key_arn = module.keys.arns["kafka"] }
    cache       = { secret_arn = module.cache.secret_arn, key_arn = module.keys.arns["secrets"] }
    documents   = { secret_arn = module.documents.secret_arn, key_arn = module.keys.arns["secrets"] }
  }
}

# --- Ways in, and between -------------------------------------------------------------------------------

module "edge" {
  source = "../modules/edge"

  name                   = var.name
  vpc_id                 = module.network.vpc_id
  subnet_ids             = module.network.public_subnet_ids
  domain_name            = var.domain_name
  zone_id                = var.zone_id
  requests_per_5_minutes = var.sizes.requests_per_5_min
  log_bucket             = module.objects.names["logs"]
  log_days               = var.sizes.log_days
  logs_key_arn           = module.keys.arns["logs"]
  destroy_guard          = var.sizes.destroy_guard
}

module "flows" {
  source = "../modules/flows"

  name              = var.name
  s3_prefix_list_id = module.network.s3_prefix_list_id
  ports             = module.edge.ports

  members = {
    edge        = module.edge.security_group_id
    cluster     = module.cluster.security_group_id
    event_store = module.event_store.security_group_id
    kafka       = module.kafka.security_group_id
    cache       = module.cache.security_group_id
    documents   = module.documents.security_group_id
    endpoints   = module.network.endpoints_security_group_id
  }
}

module "dashboard" {
  source = "../modules/dashboard"

  name        = var.name
  hosting     = var.sizes.hosting
  api_address = var.domain_name
}

# --- Watching, paying, delivering -----------------------------------------------------------------------

module "watch" {
  source = "../modules/watch"

  name                   = var.name
  emails                 = var.emails
  logs_key_arn           = module.keys.arns["logs"]
  event_store_identifier = module.event_store.identifier
  event_store_disk_gib   = var.sizes.event_store.disk_gib
  documents_cluster      = module.documents.cluster_identifier
  kafka_cluster          = module.kafka.cluster_name
  cache_group            = module.cache.replication_group_id
  load_balancer          = module.edge.arn_suffix
}

module "budget" {
  source = "../modules/budget"

  name        = var.name
  monthly_usd = var.sizes.budget_usd
  anomaly_usd = var.sizes.anomaly_usd
  emails      = var.emails
  environment = var.environment
}

module "delivery" {
  source = "../modules/delivery"
  count  = var.repository == null ? 0 : 1

  name                 = var.name
  repository           = coalesce(var.repository, "none/none")
  environment          = var.environment
  cluster_name         = module.cluster.name
  image_arns           = values(module.images.arns)
  dashboard_bucket_arn = "arn:aws:s3:::${module.dashboard.bucket}"
  create_oidc_provider = var.create_oidc_provider
}

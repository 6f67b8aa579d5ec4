output "cluster_name" {
  description = "`aws eks update-kubeconfig --name <it>`"
  value       = module.cluster.name
}

output "repository_urls" {
  description = "Where the images are pushed."
  value       = module.images.repository_urls
}

output "dashboard" {
  description = "Where the dashboard is, and where its files go."
  value = {
    address         = module.dashboard.address
    bucket          = module.dashboard.bucket
    distribution_id = module.dashboard.distribution_id
  }
}

output "api" {
  description = "Where the APIs are; the load balancer's own name and the records to enter by hand if no zone was given."
  value = {
    address             = "https://${var.domain_name}"
    load_balancer       = module.edge.address
    certificate_records = module.edge.certificate_records
  }
}

output "helm_values" {
  description = "What the chart has to know of AWS: `terraform output -json helm_values > aws.json`, then `helm ... --values aws.json`."
  value = {
    image   = { repository = module.images.repository_urls["services"] }
    network = { cidr = module.network.cidr }
    aws = {
      region       = data.aws_region.here.region
      targetGroups = module.edge.target_group_arns
      buckets      = module.objects.names
      secrets = {
        eventStore = module.event_store.secret_arn
        kafka      = module.kafka.secret_arn
        cache      = module.cache.secret_arn
        documents  = module.documents.secret_arn
      }
    }
    stores = {
      postgres = { host = module.event_store.address, port = 5432, database = "oms" }
      kafka    = { bootstrap = module.kafka.bootstrap_brokers }
      redis    = { host = module.cache.address, port = 6379 }
      mongo    = { host = module.documents.address, port = 27017 }
    }
  }
}

output "flows" {
  description = "Who talks to whom."
  value       = module.flows.table
}

output "role_arns" {
  description = "Of the pods, by service account; and of the delivery, if there is one."
  value       = merge(module.identity.role_arns, { for each in module.delivery : "delivery" => each.role_arn })
}

output "alarms_topic_arn" {
  description = "Where alarms go."
  value       = module.watch.topic_arn
}

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "members" {
  description = "Security groups by name: edge, cluster, event_store, kafka, cache, documents, endpoints."
  type        = map(string)
}

variable "s3_prefix_list_id" {
  description = "Addresses of S3."
  type        = string
}

variable "ports" {
  description = "On which the load balancer reaches each service."
  type        = map(number)
}

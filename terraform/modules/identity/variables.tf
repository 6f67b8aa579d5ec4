variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "cluster_name" {
  description = "EKS cluster whose pods take these roles."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace of the services."
  type        = string
  default     = "oms"
}

variable "secrets" {
  description = "What External Secrets may read, by name: the secret and the KMS key it is encrypted with."
  type        = map(object({ secret_arn = string, key_arn = string }))
}

variable "heads_bucket_arn" {
  description = "Bucket of the signed heads."
  type        = string
}

variable "backups_bucket_arn" {
  description = "Bucket of backups and exports."
  type        = string
}

variable "objects_key_arn" {
  description = "KMS key of both."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "IAM permissions boundary of the roles made here, if the organisation demands one."
  type        = string
  default     = null
}

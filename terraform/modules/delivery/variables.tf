variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "repository" {
  description = "GitHub repository that may deliver, as owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "repository is owner/name, such as example/crypto-oms."
  }
}

variable "environment" {
  description = "GitHub environment whose jobs may deliver: its reviewers are the approval."
  type        = string
}

variable "cluster_name" {
  description = "EKS cluster that Helm deploys to."
  type        = string
}

variable "namespace" {
  description = "Kubernetes namespace that Helm deploys to, and no other."
  type        = string
  default     = "oms"
}

variable "image_arns" {
  description = "ECR repositories that images are pushed to."
  type        = list(string)
}

variable "dashboard_bucket_arn" {
  description = "Bucket of the dashboard's files."
  type        = string
}

variable "create_oidc_provider" {
  description = "Make the account's provider for GitHub's tokens; false if the account has it, since there is one for all."
  type        = bool
  default     = true
}

variable "region" {
  description = "AWS region, such as eu-central-1."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is one of AWS's, such as eu-central-1."
  }
}

variable "domain_name" {
  description = "Host name of the APIs, such as oms.example.com."
  type        = string
}

variable "zone_id" {
  description = "Route 53 zone of the domain; null: its records are entered by hand."
  type        = string
  default     = null
}

variable "emails" {
  description = "Who is told of alarms and of the budget."
  type        = list(string)
}

variable "admin_cidrs" {
  description = "Addresses from which kubectl may reach the cluster over the internet."
  type        = list(string)
  default     = []
}

variable "admin_role_arns" {
  description = "IAM roles that administer the cluster."
  type        = list(string)
}

variable "repository" {
  description = "GitHub repository that delivers, as owner/name; null: none does."
  type        = string
  default     = null
}

variable "create_oidc_provider" {
  description = "Make the account's provider for GitHub's tokens; false if the account has one."
  type        = bool
  default     = true
}

variable "permissions_boundary_arn" {
  description = "IAM permissions boundary of all roles of pods and nodes, if the organisation demands one."
  type        = string
  default     = null
}

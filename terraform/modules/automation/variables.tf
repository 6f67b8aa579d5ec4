variable "name" {
  description = "Prefix of the roles' names, and of all that they may make."
  type        = string
}

variable "repository" {
  description = "GitHub repository whose workflows may plan and apply, as owner/name."
  type        = string

  validation {
    condition     = can(regex("^[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+$", var.repository))
    error_message = "repository is owner/name, such as example/crypto-oms."
  }
}

variable "environments" {
  description = "What may be applied, each from the GitHub environment infrastructure-<it>: its reviewers are the approval."
  type        = list(string)
  default     = ["dev", "prod"]
}

variable "state_bucket_arn" {
  description = "Bucket of Terraform's state."
  type        = string
}

variable "state_key_arn" {
  description = "Key that the state is encrypted with."
  type        = string
}

variable "create_oidc_provider" {
  description = "Make the account's provider for GitHub's tokens; false if the account has it, since there is one for all."
  type        = bool
  default     = true
}

variable "permissions_boundary_arn" {
  description = "What the roles may do at most, if your account asks for a boundary."
  type        = string
  default     = null
}

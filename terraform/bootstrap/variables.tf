variable "region" {
  description = "AWS region, such as eu-central-1."
  type        = string
}

variable "repository" {
  description = "GitHub repository whose workflows may plan and apply, as owner/name; null: only people do."
  type        = string
  default     = null
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

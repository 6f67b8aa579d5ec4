variable "name" {
  description = "Prefix of every name, and of the cluster: such as oms-dev."
  type        = string
}

variable "environment" {
  description = "Value of the tag Environment, which budgets and bills go by."
  type        = string
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
  default     = []
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

variable "sizes" {
  description = "How large and how safe everything is: see environments/*/sizes.json, which `./oms cost` reads as well."

  type = object({
    zones              = number
    nat_per_zone       = bool
    private_endpoints  = bool
    destroy_guard      = bool
    log_days           = number
    lock_mode          = string
    heads_locked_days  = number
    kubernetes_version = string
    hosting            = string
    budget_usd         = number
    anomaly_usd        = number
    requests_per_5_min = number
    node_groups = map(object({
      instance_types = list(string)
      capacity_type  = string
      min            = number
      desired        = number
      max            = number
      disk_gib       = number
      labels         = optional(map(string), {})
      taint          = optional(string)
    }))
    kafka = object({
      version       = string
      instance_type = string
      brokers       = number
      disk_gib      = number
      disk_gib_max  = number
    })
    cache = object({
      node_type     = string
      nodes         = number
      snapshot_days = number
    })
    documents = object({
      instance_class = string
      instances      = number
      backup_days    = number
    })
    event_store = object({
      engine_version = string
      instance_class = string
      multi_az       = bool
      disk_gib       = number
      disk_gib_max   = number
      iops           = optional(number)
      backup_days    = number
    })
  })

  validation {
    condition     = var.sizes.zones == 2 || var.sizes.zones == 3
    error_message = "sizes.zones is 2 or 3."
  }

  validation {
    condition     = var.sizes.event_store.disk_gib_max > var.sizes.event_store.disk_gib
    error_message = "sizes.event_store.disk_gib_max is more than disk_gib: a history that cannot grow stops all trading."
  }
}

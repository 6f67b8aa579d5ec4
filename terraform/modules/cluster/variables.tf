variable "name" {
  description = "Prefix of every name."
  type        = string
}


variable "subnet_ids" {
  description = "Private subnets, one per zone."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids are of two zones at least."
  }
}

variable "log_days" {
  description = "Days for which its logs are kept."
  type        = number
}

variable "logs_key_arn" {
  description = "KMS key of the logs."
  type        = string
}

variable "kubernetes_version" {
  description = "Kubernetes minor version."
  type        = string

  validation {
    condition     = can(regex("^1\\.[0-9]{2}$", var.kubernetes_version))
    error_message = "kubernetes_version is a minor version such as 1.34."
  }
}

variable "admin_cidrs" {
  description = "Addresses from which the Kubernetes API may be reached over the internet; none: only from inside the VPC."
  type        = list(string)

  validation {
    condition     = alltrue([for cidr in var.admin_cidrs : can(cidrnetmask(cidr))]) && !contains(var.admin_cidrs, "0.0.0.0/0")
    error_message = "admin_cidrs are IPv4 ranges such as 203.0.113.7/32; the whole internet (0.0.0.0/0) is not one of them."
  }
}

variable "admin_role_arns" {
  description = "IAM roles of those who administer the cluster with kubectl."
  type        = list(string)
}

variable "node_groups" {
  description = "Managed node groups, by name: instance types, how many nodes, SPOT or ON_DEMAND, and the disk of each in GiB."
  type = map(object({
    instance_types = list(string)
    capacity_type  = string
    min            = number
    desired        = number
    max            = number
    disk_gib       = number
    labels         = optional(map(string), {})
    taint          = optional(string)
  }))

  validation {
    condition = alltrue([
      for group in values(var.node_groups) :
      contains(["ON_DEMAND", "SPOT"], group.capacity_type) && group.min <= group.desired && group.desired <= group.max && group.disk_gib >= 20
    ])
    error_message = "each node group has capacity_type ON_DEMAND or SPOT, min <= desired <= max, and disks of 20 GiB or more."
  }
}

variable "cluster_key_arn" {
  description = "KMS key of Kubernetes secrets and of the nodes' disks."
  type        = string
}

variable "permissions_boundary_arn" {
  description = "IAM permissions boundary of the roles made here, if the organisation demands one."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuse the deletion of the cluster."
  type        = bool
}

variable "name" {
  description = "Prefix of every name."
  type        = string
}

variable "images" {
  description = "Names of the images."
  type        = set(string)
  default     = ["services", "dashboard"]
}

variable "images_key_arn" {
  description = "KMS key of the images."
  type        = string
}

variable "kept" {
  description = "How many images of each are kept."
  type        = number
  default     = 30
}

variable "destroy_guard" {
  description = "Refuse to destroy repositories that hold images."
  type        = bool
}

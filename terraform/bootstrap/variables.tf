variable "region" {
  description = "AWS region, such as eu-central-1."
  type        = string
}

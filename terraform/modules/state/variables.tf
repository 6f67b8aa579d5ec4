variable "name" {
  description = "Prefix of the bucket's name; the account's number follows."
  type        = string
}

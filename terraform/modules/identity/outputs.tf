output "role_arns" {
  description = "By service account."
  value       = { for service, role in aws_iam_role.this : service => role.arn }
}

output "role_arn" {
  description = "For the workflows: `role-to-assume`."
  value       = aws_iam_role.this.arn
}

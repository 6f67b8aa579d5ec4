output "role_arns" {
  description = "For the repository's variables PLAN_ROLE and APPLY_ROLE."
  value       = { for use, role in aws_iam_role.this : use => role.arn }
}

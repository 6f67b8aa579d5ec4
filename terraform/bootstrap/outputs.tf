output "backend" {
  description = "What goes into an environment's backend.hcl."
  value       = "bucket     = \"${module.state.bucket}\"\nkms_key_id = \"${module.state.kms_key_id}\"\nregion     = \"${var.region}\"\n"
}

output "automation_role_arns" {
  description = "For the repository's variables PLAN_ROLE and APPLY_ROLE."
  value       = one(module.automation[*].role_arns)
}

output "backend" {
  description = "What goes into an environment's backend.hcl."
  value       = "bucket     = \"${module.state.bucket}\"\nkms_key_id = \"${module.state.kms_key_id}\"\nregion     = \"${var.region}\"\n"
}

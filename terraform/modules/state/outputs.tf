output "bucket" {
  description = "For each environment's `backend.hcl`."
  value       = aws_s3_bucket.this.id
}

output "kms_key_id" {
  description = "The same."
  value       = aws_kms_key.this.arn
}

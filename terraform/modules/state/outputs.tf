output "bucket" {
  description = "For each environment's `backend.hcl`."
  value       = aws_s3_bucket.this.id
}

output "bucket_arn" {
  description = "For the roles that read and write it."
  value       = aws_s3_bucket.this.arn
}

output "kms_key_id" {
  description = "The same."
  value       = aws_kms_key.this.arn
}

# Once for each AWS account, before all else: the bucket in which the environments keep their state. Its own state
# stays in this folder; should it be lost, `terraform import` finds the bucket again.

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "crypto-oms"
      Environment = "shared"
      ManagedBy   = "terraform"
    }
  }
}

module "state" {
  source = "../modules/state"

  name = "oms"
}

# Only if GitHub Actions shall plan and apply (.github/workflows/terraform.yml).
module "automation" {
  source = "../modules/automation"
  count  = var.repository == null ? 0 : 1

  name                     = "oms"
  repository               = var.repository
  state_bucket_arn         = module.state.bucket_arn
  state_key_arn            = module.state.kms_key_id
  create_oidc_provider     = var.create_oidc_provider
  permissions_boundary_arn = var.permissions_boundary_arn
}

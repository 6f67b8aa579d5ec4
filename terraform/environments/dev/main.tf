# The environment "dev": what it is made of stands in sizes.json, which `./oms cost dev` reads as well.

terraform {
  # Bucket and key of the state: `terraform init -backend-config=backend.hcl` (see README.md).
  backend "s3" {
    key          = "oms-dev/terraform.tfstate"
    encrypt      = true
    use_lockfile = true
  }
}

provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Project     = "crypto-oms"
      Environment = "dev"
      ManagedBy   = "terraform"
    }
  }
}

module "oms" {
  source = "../../oms"

  name                     = "oms-dev"
  environment              = "dev"
  sizes                    = jsondecode(file("${path.module}/sizes.json"))
  domain_name              = var.domain_name
  zone_id                  = var.zone_id
  emails                   = var.emails
  admin_cidrs              = var.admin_cidrs
  admin_role_arns          = var.admin_role_arns
  repository               = var.repository
  create_oidc_provider     = var.create_oidc_provider
  permissions_boundary_arn = var.permissions_boundary_arn
}

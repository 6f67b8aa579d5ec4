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

# Copy to terraform.tfvars, and put in your own.
region          = "eu-central-1"
domain_name     = "oms.example.com"
emails          = ["operator@example.com"]
admin_role_arns = ["arn:aws:iam::111122223333:role/operators"]
admin_cidrs     = ["203.0.113.7/32"]

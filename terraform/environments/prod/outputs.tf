output "oms" {
  description = "All that one needs to go on with Helm, kubectl and the browser."
  value       = module.oms
}

output "helm_values" {
  description = "For the chart: `terraform output -json helm_values > aws.json`."
  value       = module.oms.helm_values
}

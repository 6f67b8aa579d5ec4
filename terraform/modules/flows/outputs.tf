output "table" {
  description = "Every flow: from, to, port, protocol, authentication, TLS."
  value       = local.flows
}

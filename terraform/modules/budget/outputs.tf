output "budget_name" {
  description = "As the billing console names it."
  value       = aws_budgets_budget.this.name
}

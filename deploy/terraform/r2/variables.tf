variable "account_id" {
  description = "The Cloudflare account's id, 32 digits."
  type        = string
}

variable "bucket" {
  description = "Name of the bucket, as in the policy."
  type        = string
}

variable "jurisdiction" {
  description = "default, eu, fedramp or us; fixed when the bucket is made."
  type        = string
  default     = "default"
}

variable "tenants" {
  description = "The policy's tenants in this bucket; see rules/main.tf."
  type = list(object({
    id         = string
    prefix     = optional(string, "")
    grace_days = optional(number, 30)
    holds      = optional(list(object({ id = string, subject = optional(string) })), [])
    classes = list(object({
      name = string
      days = optional(number)
      lock = optional(string, "none")
    }))
  }))
}

variable "bucket" {
  description = "Name of the bucket, as in the policy."
  type        = string
}

variable "tenants" {
  description = "The policy's tenants in this bucket; see rules/main.tf."
  type = list(object({
    id         = string
    prefix     = optional(string, "")
    grace_days = optional(number, 30)
    sealed     = optional(bool, false)
    held       = optional(bool, false)
    classes = list(object({
      name = string
      days = optional(number)
      lock = optional(string, "none")
    }))
  }))
}

variable "writer_arns" {
  description = "Users and roles that only write: the devices'."
  type        = list(string)
  default     = []
}

variable "admin_arns" {
  description = "Used where writer_arns is empty: everybody but these only writes."
  type        = list(string)
  default     = []
}

variable "partition" {
  description = "aws, aws-cn or aws-us-gov."
  type        = string
  default     = "aws"
}

variable "kms_key_arn" {
  description = "A key of your own; left out, the store's."
  type        = string
  default     = null
}

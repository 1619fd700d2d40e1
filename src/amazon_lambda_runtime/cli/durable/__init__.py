"""The commands about durable executions: in AWS, or in the local Lambda."""

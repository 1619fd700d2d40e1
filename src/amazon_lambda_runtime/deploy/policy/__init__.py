"""IAM policies: the deployer's, and the function's role's."""

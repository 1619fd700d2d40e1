"""What the runtime costs, measured beside awslambdaric and beside the least that is possible."""

"""From a project folder to a live function: desired state, live state, a plan, and its execution.

AWS is the only state. `project` reads what is wanted, `plan` compares it with what is there and
returns steps, and `apply` takes them in order.
"""

"""Durable executions on this machine, by AWS's own engine, with our pools in the place of Lambda.

The engine decides: what a checkpoint changes, when a wait is over, what is invoked next. Here is
what it leaves to its host: where executions are kept, how a function is invoked, what the Lambda
API says of it all. `aws` alone imports it, and nothing imports `aws` before there is a durable
function. Needs the extra `durable`.
"""

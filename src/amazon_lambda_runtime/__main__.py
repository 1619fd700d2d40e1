"""`python -m amazon_lambda_runtime hello.handler`: the same as `bootstrap hello.handler`."""

from .bootstrap import main

main()

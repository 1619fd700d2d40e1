"""`python -m amazon_lambda_runtime hello.handler`: the same as `bootstrap hello.handler`."""

from .bootstrap import main

if __name__ == "__main__":
    main()

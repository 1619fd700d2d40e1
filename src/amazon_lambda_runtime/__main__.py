"""`python -m amazon_lambda_runtime hello.handler`: the same as `bootstrap hello.handler`."""

from .bootstrap import look_inside as __getattr__  # noqa: F401
from .bootstrap import main

if __name__ == "__main__":
    main()

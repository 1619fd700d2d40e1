from amazon_lambda_runtime.cli import main

main()

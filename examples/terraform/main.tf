terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

variable "image" {
  type        = string
  description = "REPOSITORY@sha256:DIGEST"
}

resource "aws_iam_role" "hello" {
  name = "hello"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "logs" {
  role       = aws_iam_role.hello.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_lambda_function" "hello" {
  function_name = "hello"
  package_type  = "Image"
  image_uri     = var.image
  role          = aws_iam_role.hello.arn
  memory_size   = 256
  timeout       = 10
  publish       = true

  image_config {
    command = ["hello.handler"]
  }
}

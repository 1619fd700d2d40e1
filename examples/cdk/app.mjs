import { App, CfnParameter, Duration, Stack } from "aws-cdk-lib";
import { Repository } from "aws-cdk-lib/aws-ecr";
import { DockerImageCode, DockerImageFunction } from "aws-cdk-lib/aws-lambda";

const stack = new Stack(new App(), "Hello");
const digest = new CfnParameter(stack, "Digest", { description: "sha256:…, as deploy prints it" });

new DockerImageFunction(stack, "Function", {
  code: DockerImageCode.fromEcr(Repository.fromRepositoryName(stack, "Images", "hello"), {
    tagOrDigest: digest.valueAsString,
    cmd: ["hello.handler"],
  }),
  memorySize: 256,
  timeout: Duration.seconds(10),
});

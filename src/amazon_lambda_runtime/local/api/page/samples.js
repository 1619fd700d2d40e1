// The list of sample events: grouped by the service that sends them, and searched.

import { h } from "./dom.js";

// By the first part of a sample's name. One that is not here is a group of that name.
const SERVICES = {
  alb: "Application Load Balancer", alexa: "Alexa", apigw: "API Gateway", appsync: "AppSync",
  bedrock: "Bedrock", cloudformation: "CloudFormation", cloudfront: "CloudFront",
  cloudwatch: "CloudWatch", codecommit: "CodeCommit", codepipeline: "CodePipeline",
  cognito: "Cognito", config: "Config", connect: "Connect", dynamodb: "DynamoDB",
  eventbridge: "EventBridge", firehose: "Data Firehose", function: "Function URL", iot: "IoT",
  kafka: "Kafka", kinesis: "Kinesis", lattice: "VPC Lattice", lex: "Lex", mq: "Amazon MQ",
  s3: "S3", scheduled: "EventBridge", secretsmanager: "Secrets Manager", ses: "SES", sns: "SNS",
  sqs: "SQS", transfer: "Transfer Family",
};

const service = ({ name }) => SERVICES[name.split("-")[0]] ?? name.split("-")[0];

// Return the options of a select element, for the samples that have all words of `wanted` in their
// name, their service or their description.
export function options(samples, wanted) {
  const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
  const groups = new Map();
  for (const sample of samples) {
    const { name, description } = sample;
    const text = `${name} ${service(sample)} ${description}`.toLowerCase();
    if (!words.every((word) => text.includes(word))) continue;
    const group = groups.get(service(sample)) ?? [];
    group.push(h("option", { value: name, title: description }, name));
    groups.set(service(sample), group);
  }
  const count = [...groups.values()].flat().length;
  const head = !words.length ? "Sample event…" : count ? `${count} found…` : "None found";
  const sorted = [...groups].sort(([one], [other]) => one.localeCompare(other));
  return [h("option", { value: "" }, head), ...sorted.map(([label, found]) => h("optgroup", { label }, ...found))];
}

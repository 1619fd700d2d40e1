// What AWS's SDK for JavaScript makes of the local Lambda, as JSON: node js_sdk.cjs FOLDER ENDPOINT
const sdk = require(`${process.argv[2]}/node_modules/@aws-sdk/client-lambda`);

const client = new sdk.LambdaClient({
  endpoint: process.argv[3],
  region: "us-east-1",
  credentials: { accessKeyId: "test", secretAccessKey: "test" },
  maxAttempts: 1,
});
const hello = { FunctionName: "hello" };
const payload = (value) => new TextEncoder().encode(JSON.stringify(value));
const text = (bytes) => new TextDecoder().decode(bytes);

async function failure(command) {
  try {
    await client.send(command);
    return null;
  } catch (error) {
    const { httpStatusCode: status, requestId } = error.$metadata;
    return { name: error.name, message: error.message, status, id: Boolean(requestId) };
  }
}

async function main() {
  const seen = {};
  const whole = await client.send(
    new sdk.InvokeCommand({ ...hello, Payload: payload({ a: "ü" }), LogType: "Tail" }),
  );
  seen.invoke = {
    payload: text(whole.Payload),
    status: whole.StatusCode,
    version: whole.ExecutedVersion,
    error: whole.FunctionError ?? null,
    log: Buffer.from(whole.LogResult, "base64").toString(),
  };
  const failed = await client.send(
    new sdk.InvokeCommand({ ...hello, Payload: payload({ fail: "as asked" }) }),
  );
  seen.failed = { error: failed.FunctionError, payload: text(failed.Payload) };
  const event = await client.send(new sdk.InvokeCommand({ ...hello, InvocationType: "Event" }));
  seen.event = { status: event.StatusCode, version: event.ExecutedVersion ?? null };
  const dry = await client.send(new sdk.InvokeCommand({ ...hello, InvocationType: "DryRun" }));
  seen.dry = dry.StatusCode;

  const stream = await client.send(
    new sdk.InvokeWithResponseStreamCommand({ ...hello, Payload: payload({ stream: 1 }) }),
  );
  seen.stream = [];
  for await (const piece of stream.EventStream) {
    if (piece.PayloadChunk) seen.stream.push(text(piece.PayloadChunk.Payload));
    if (piece.InvokeComplete) seen.complete = piece.InvokeComplete.ErrorCode ?? null;
  }

  const wait = { client, maxWaitTime: 20, minDelay: 1 };
  const waiters = [
    sdk.waitUntilFunctionActiveV2,
    sdk.waitUntilFunctionExists,
    sdk.waitUntilFunctionUpdatedV2,
  ];
  seen.waited = [];
  for (const until of waiters) seen.waited.push((await until(wait, hello)).state);

  const read = await client.send(new sdk.GetFunctionCommand(hello));
  seen.read = { id: Boolean(read.$metadata.requestId), arn: read.Configuration.FunctionArn };
  seen.alias = (await client.send(new sdk.GetAliasCommand({ ...hello, Name: "live" }))).AliasArn;
  seen.unknown = await failure(new sdk.InvokeCommand({ FunctionName: "nope" }));
  seen.qualifier = await failure(new sdk.InvokeCommand({ ...hello, Qualifier: "nope" }));
  seen.malformed = await failure(new sdk.InvokeCommand({ ...hello, Payload: "{" }));
  console.log(JSON.stringify(seen));
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});

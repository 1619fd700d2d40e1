"""AWS's numbers, each in one place, with the page that it comes from.

`local` behaves by them, `deploy` and the project file refuse what is outside of them. A range is a
pair, both ends included. This file imports nothing of the package, and decides nothing.
"""

import re

# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html

#: A function's timeout, in seconds.
TIMEOUT = (1, 900)
#: A function's memory, in MB.
MEMORY = (128, 10_240)
#: A function's architectures.
ARCHITECTURES = ("x86_64", "arm64")
#: What Invoke takes and what an event source mapping puts into one event, in bytes.
PAYLOAD_BYTES = 6 * 1024 * 1024
#: What Invoke takes with the invocation type Event, in bytes.
ASYNC_PAYLOAD_BYTES = 1024 * 1024
#: What a streamed response may have, in bytes.
STREAMED_RESPONSE_BYTES = 200 * 1024 * 1024
#: The variables of a function, as JSON, in bytes.
ENVIRONMENT_BYTES = 4096

# https://docs.aws.amazon.com/lambda/latest/api/API_DurableConfig.html
# https://docs.aws.amazon.com/lambda/latest/dg/durable-invoking.html

#: How long an execution of a durable function may take, in seconds.
DURABLE_TIMEOUT = (1, 31_622_400)
#: How long an execution is kept after its end, in days; and how long if nothing else is said.
DURABLE_RETENTION = (1, 90)
DURABLE_RETENTION_DAYS = 14
#: A caller can wait for executions that may take so long, in seconds.
DURABLE_WAIT = 900
#: The name of an execution.
DURABLE_NAME = re.compile(r"[a-zA-Z0-9-_]{1,64}")

# https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html

#: How often a failed asynchronous invocation is retried, and after how many seconds each time.
ASYNC_RETRIES = 2
MAX_ASYNC_RETRIES = (0, 2)
ASYNC_RETRY_DELAYS = (60, 120)
#: How long an asynchronous event may wait, in seconds.
ASYNC_EVENT_AGE = 21_600
MAX_ASYNC_EVENT_AGE = (60, 21_600)

# https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html

#: The levels of a function's log in JSON: its own, and Lambda's.
LOG_LEVELS = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
SYSTEM_LOG_LEVELS = ("DEBUG", "INFO", "WARN")

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html

#: AWS's advice for a queue's visibility timeout, in multiples of the function's timeout. The
#: batching window is added to it.
VISIBILITY_FACTOR = 6

# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html

#: Messages of one batch. More than SQS_BATCH takes a batching window of a second at least.
BATCH_SIZE = (1, 10_000)
#: Messages of one batch of a FIFO queue, which takes no batching window.
FIFO_BATCH_SIZE = (1, 10)
#: The batching window, in seconds.
BATCH_WINDOW = (0, 300)
#: The maximum concurrency of one event source mapping.
MAX_CONCURRENCY = (2, 1000)

# https://docs.aws.amazon.com/lambda/latest/dg/services-kinesis-parameters.html
# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html

#: Batches of one shard that are processed at once.
PARALLELIZATION_FACTOR = (1, 10)
#: How often a batch of a stream is tried again; -1 is until its records expire.
STREAM_RETRIES = (-1, 10_000)
#: How old a record may be, in seconds; -1 is as old as the stream keeps it, else 60 at least.
RECORD_AGE = (-1, 604_800)
LEAST_RECORD_AGE = 60
#: The window of an aggregation, in seconds.
TUMBLING_WINDOW = (0, 900)
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html

#: A queue's name: up to 80 characters, and ".fifo" at the end of a FIFO queue's.
QUEUE_NAME = re.compile(r"(?=.{1,80}\Z)[A-Za-z0-9_-]+(?:\.fifo)?")
FIFO_SUFFIX = ".fifo"
#: Messages that one ReceiveMessage, DeleteMessageBatch or ChangeMessageVisibilityBatch takes.
SQS_BATCH = 10
#: How long ReceiveMessage waits for a message at most, in seconds.
LONG_POLL = 20
#: The visibility timeout of a queue, in seconds.
VISIBILITY_TIMEOUT = (0, 43_200)
#: How long a queue keeps a message, in seconds.
MESSAGE_RETENTION = (60, 1_209_600)
#: How often a message is received before the redrive policy moves it.
MAX_RECEIVE_COUNT = (1, 1000)

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html

#: The days that CloudWatch can keep a log for.
LOG_RETENTION = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922,
    3288, 3653,
)  # fmt: skip


def advised_visibility(timeout: float, window: float = 0) -> float:
    """Return the visibility timeout that AWS advises, in seconds.

    `timeout` is the function's, `window` the batching window, both in seconds. The result is at
    most what SQS allows.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    """
    return min(VISIBILITY_FACTOR * timeout + window, VISIBILITY_TIMEOUT[1])

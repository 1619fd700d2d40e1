"""The workflow from end to end on this machine: pytest, in this folder."""

import json
from urllib.request import urlopen

import pytest

from amazon_lambda_runtime.testing import LocalProject


@pytest.fixture(scope="session", autouse=True)
def table(local_project: LocalProject) -> None:
    """Make the table, as your infrastructure does on AWS."""
    local_project.client("dynamodb").create_table(
        TableName="orders",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
    )


def test_order(local_project: LocalProject) -> None:
    """An order is taken at the URL, stored, announced and shipped."""
    data = json.dumps({"id": "7"}).encode()
    with urlopen(local_project.urls["take"], data) as response:
        assert response.status == 202
    local_project.wait_until_idle()
    assert local_project.invoke("report") == {"shipped": 1}


def test_no_order(local_project: LocalProject) -> None:
    """What is no order ends in the dead-letter queue, and nowhere else."""
    sqs = local_project.client("sqs")
    urls = {
        name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("orders", "orders-dlq")
    }
    sqs.send_message(QueueUrl=urls["orders"], MessageBody="hello")
    local_project.wait_until_idle()
    [message] = sqs.receive_message(QueueUrl=urls["orders-dlq"])["Messages"]
    assert message["Body"] == "hello"


def test_schedule(local_project: LocalProject) -> None:
    """The report runs at night; here, now."""
    local_project.run_schedule("nightly-report")
    local_project.wait_until_idle()
    assert "report: {'shipped': 1}" in local_project.log

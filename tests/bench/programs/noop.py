"""The least that a function can do: an answer of a given size, whatever the event is."""

import os

ANSWER = {
    "statusCode": 200,
    "headers": {
        "Content-Type": "application/json",
        "x-shelflife-model-version": "1",
        "x-shelflife-revision": "1",
    },
    "body": "x" * int(os.environ["BENCH_ANSWER_BYTES"]),
    "isBase64Encoded": False,
}


def handler(event: object, context: object) -> dict[str, object]:
    return ANSWER

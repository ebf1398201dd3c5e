"""A door's imports and its DynamoDB client, isolated as on Lambda; `-` is what it is compared with.

A first read is sent without botocore; a first write needs its client, too.
"""

import sys

FOLDER, FIRST, *PATHS = sys.argv[1:]
sys.path[:0] = PATHS

if FOLDER == "-":
    import boto3
    import pydantic  # noqa: F401 - its import is what is measured
    from aws_lambda_powertools.event_handler import APIGatewayHttpResolver  # noqa: F401 - likewise

    boto3.client("dynamodb")
else:
    sys.path.insert(0, FOLDER)
    import handler  # noqa: F401 - likewise

    from shelflife.aws.clients import client, quick_dynamodb

    quick_dynamodb()
    if FIRST == "write":
        client("dynamodb")
sys.stderr.write("ready\n")
sys.stderr.flush()

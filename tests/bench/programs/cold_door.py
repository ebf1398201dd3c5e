"""A door's imports and its first request, isolated as on Lambda; `-` is what it is compared with.

Its first read and its first write are sent to a server that answers everything with nothing.
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

    from shelflife.aws.clients import quick_dynamodb

    if FIRST == "write":
        quick_dynamodb().transact_write_items(TransactItems=[])
    else:
        quick_dynamodb().get_item(TableName="t", Key={})
sys.stderr.write("ready\n")
sys.stderr.flush()

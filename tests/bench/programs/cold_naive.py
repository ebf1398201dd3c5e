"""What most functions begin with: onnxruntime, then boto3 with two clients. No model is loaded yet."""

import sys

sys.path[:0] = sys.argv[1:]

import boto3  # noqa: E402 - in the order that is measured
import onnxruntime  # noqa: E402, F401 - after the search path; its import is what is measured

boto3.client("s3")
boto3.client("dynamodb")
sys.stderr.write("answered\n")
sys.stderr.flush()
sys.stdin.read()

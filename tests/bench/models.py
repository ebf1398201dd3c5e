"""What a model costs: memory while and after it is loaded, and a run by one thread or two."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
import onnx
import onnxruntime

from tests.bench.measure import Figure, seconds

_MEGABYTES = 64
_RUNS = {1: 2000, 10_000: 30}
_FEATURES = 64

#: In a process of its own: how far memory grows over what the imports take, now and at its highest.
_LOAD = """
import json, resource, sys
from pathlib import Path
import boto3
from moto import mock_aws
from shelflife.aws.objects import Objects
from shelflife.contracts.models import ModelVersionReference
from shelflife.serving.sessions import StoredModels

def now():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6

class Body:
    def __init__(self, path, start, left):
        self.file, self.left = open(path, "rb"), left
        self.file.seek(start)
    def read(self, size=None):
        chunk = self.file.read(self.left if size is None else min(size, self.left))
        self.left -= len(chunk)
        return chunk

class Client:
    def get_object(self, Bucket, Key, Range=None):
        size = Path(sys.argv[1]).stat().st_size
        if Range is None:
            return {"ContentLength": size, "Body": Body(sys.argv[1], 0, size)}
        start, end = (int(part) for part in Range.removeprefix("bytes=").split("-"))
        return {"ContentRange": f"{Range}/{size}", "Body": Body(sys.argv[1], start, end + 1 - start)}

reference = ModelVersionReference.model_validate_json(sys.stdin.read())
before = now()
model = StoredModels(Objects(Client())).load(reference)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
print(json.dumps([now() - before, peak - before]))
"""

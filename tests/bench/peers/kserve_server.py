"""KServe with a model of our own class, as its documentation shows. ``kserve.py MODEL PORT``.

A `.joblib` is run by scikit-learn, an `.onnx` by onnxruntime.
"""

import sys

import joblib
import numpy as np
import onnxruntime
import uvicorn
from kserve import InferOutput, InferRequest, InferResponse, Model, ModelServer

FILE, PORT = sys.argv[1:]


class Loopback(uvicorn.Config):  # type: ignore[misc]  # not in this project's environment
    """KServe listens on every address and drops idle connections soon, and has no setting for either."""

    def __init__(self, *arguments: object, **settings: object) -> None:
        super().__init__(*arguments, **settings | {"host": "127.0.0.1", "timeout_keep_alive": 600})


uvicorn.Config = Loopback


class Trees(Model):  # type: ignore[misc]  # not in this project's environment
    def __init__(self) -> None:
        super().__init__("trees")
        if FILE.endswith(".onnx"):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = 1
            session = onnxruntime.InferenceSession(FILE, options, providers=["CPUExecutionProvider"])
            names = [given.name for given in session.get_inputs()]
            self.run = lambda rows: session.run(
                None, {name: rows[:, at : at + 1] for at, name in enumerate(names)}
            )[0]
        else:
            self.run = joblib.load(FILE).predict
        self.ready = True

    def predict(self, payload: InferRequest, headers: object = None) -> InferResponse:
        rows = payload.inputs[0].as_numpy()
        answer = np.asarray(self.run(rows), dtype=np.float32)  # type: ignore[no-untyped-call]  # either is
        output = InferOutput("prediction", list(answer.shape), "FP32")
        output.set_data_from_numpy(answer, binary_data=False)
        return InferResponse(payload.id or "asked", self.name, [output])


if __name__ == "__main__":
    ModelServer(http_port=int(PORT), workers=1, enable_grpc=False).start([Trees()])

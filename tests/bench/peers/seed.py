"""The pattern of tutorials: FastAPI and a pickle. ``seed.py MODEL PORT``."""

import sys

import joblib
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel

app = FastAPI()
model = joblib.load(sys.argv[1])


class PredictionRequest(BaseModel):
    features: list  # type: ignore[type-arg]  # as it is taught


@app.post("/predict")  # type: ignore[untyped-decorator]  # not in this project's environment
async def predict(request: PredictionRequest) -> dict[str, list[float]]:
    prediction = model.predict([request.features])
    return {"prediction": prediction.tolist()}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="warning")

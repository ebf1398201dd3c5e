"""SageMaker training jobs and Batch jobs as real processes under one training contract."""

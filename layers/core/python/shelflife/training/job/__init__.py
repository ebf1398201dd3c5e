"""What runs inside the training image: SageMaker, Batch or a plain process start it alike.

Only the image has the libraries that this package imports; no zip function may import it (a test says so).
"""

"""shelflife: a serverless MLOps platform that keeps models fresh."""

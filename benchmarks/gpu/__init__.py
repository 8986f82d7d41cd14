"""What is measured on a GPU: run.py runs all of it."""
